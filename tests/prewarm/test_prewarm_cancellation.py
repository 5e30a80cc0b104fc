"""Cancelled at each of its suspensions in turn, a call leaves nothing behind."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import asyncpg
import pytest
from cancelled_at import cancelled_at
from controlled_loads import PATIENCE_SECONDS, Calls, ControlledLoads

from prewarm import (
    AdvisoryLocks,
    Coalescer,
    Definition,
    DefinitionCache,
    InProcessCoalescer,
    MemoryDefinitions,
    PostgresCoalescer,
    PostgresDefinitions,
    prewarm,
)

Work = Callable[[DefinitionCache], Awaitable[Any]]

WORK: dict[str, Work] = {
    "get": lambda cache: cache.get("top"),
    "prewarm": lambda cache: prewarm(["leaf", "top", "beside"], cache, limit=2),
    "invalidate": lambda cache: cache.invalidate(["leaf"]),
    "invalidate all": lambda cache: cache.invalidate_all(),
}


def cache_of(store: Any, coalescer: Coalescer) -> DefinitionCache:
    async def load(key: str) -> Definition:
        await anyio.lowlevel.checkpoint()
        if key == "top":
            await cache.get("leaf")
        return Definition(key, dependencies=("leaf",) if key == "top" else ())

    cache = DefinitionCache(load, store=store, coalescer=coalescer)
    return cache


async def suspensions(work: Callable[[], Awaitable[Any]]) -> AsyncIterator[int]:
    """Cancel the work at its first suspension, then at its second, until it ends before."""
    step, ended = 0, False

    async def until_the_end() -> None:
        nonlocal ended
        ended = False
        await work()
        ended = True

    while not ended:
        await cancelled_at(step, until_the_end)
        yield step
        step += 1


@pytest.mark.parametrize("name", WORK)
async def test_a_cancelled_call_leaves_no_flight_and_no_leader(name: str) -> None:
    store, coalescer = MemoryDefinitions(), InProcessCoalescer()
    cache = cache_of(store, coalescer)

    async def work() -> None:
        await store.invalidate_all()
        await WORK[name](cache)

    async for _step in suspensions(work):
        assert cache.statistics().in_flight == 0
        assert await coalescer.try_lead(["leaf", "top", "beside"]) == {"leaf", "top", "beside"}
        await coalescer.release(["leaf", "top", "beside"])
        with anyio.fail_after(PATIENCE_SECONDS):
            assert (await cache.get("top")).key == "top"


@pytest.mark.parametrize("name", ["get", "prewarm"])
async def test_a_cancelled_call_leaves_no_lock_in_postgres(
    definitions_dsn: str, pool: asyncpg.Pool, name: str
) -> None:
    async with AdvisoryLocks(definitions_dsn) as ours, AdvisoryLocks(definitions_dsn) as theirs:
        store = PostgresDefinitions(pool, "realm", version_of=lambda _key: "1")
        cache = cache_of(store, PostgresCoalescer(ours, "realm"))
        rival = PostgresCoalescer(theirs, "realm")

        async def work() -> None:
            await cache.invalidate_all()
            await WORK[name](cache)

        async for _step in suspensions(work):
            assert cache.statistics().in_flight == 0
            assert await rival.try_lead(["leaf", "top"]) == {"leaf", "top"}
            await rival.release(["leaf", "top"])


async def test_whoever_waits_gets_the_result_wherever_the_first_caller_is_cancelled() -> None:
    async def once(step: int) -> bool:
        loads = ControlledLoads()
        cache = DefinitionCache(
            loads.load, store=MemoryDefinitions(), coalescer=InProcessCoalescer()
        )
        ended = False

        async def first() -> None:
            nonlocal ended
            await cache.get("a")
            ended = True

        async with anyio.create_task_group() as group:
            group.start_soon(cancelled_at, step, first)
            waiting = [Calls(group).start(lambda: cache.get("a")) for _ in range(2)]
            await anyio.wait_all_tasks_blocked()
            for attempt in loads.attempts:
                attempt.succeed("whole")
            for call in waiting:
                assert (await call.result()).detail == "whole"
        assert cache.statistics().in_flight == 0
        return ended

    step = 0
    while not await once(step):
        step += 1
    assert step > 3


async def test_a_reader_that_is_cancelled_leaves_what_it_read_to_the_others() -> None:
    loads = ControlledLoads()

    async def load(key: str) -> Definition:
        return await (cache.get("leaf") if key == "reader" else loads.load(key))

    cache = DefinitionCache(load)
    async with anyio.create_task_group() as group:
        reader = Calls(group).start(lambda: cache.get("reader"))
        await loads.begun("leaf")
        other = Calls(group).start(lambda: cache.get("leaf"))
        await anyio.wait_all_tasks_blocked()
        reader.scope.cancel()
        (await loads.begun("leaf", 2)).succeed("read by the other")
        assert (await other.result()).detail == "read by the other"
    assert cache.statistics().in_flight == 0
