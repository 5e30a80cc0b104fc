"""Prewarming loads under a bound, in few statements, and never fails over a definition."""

import logging
from collections.abc import Collection, Sequence

import anyio
import pytest
from controlled_loads import PATIENCE_SECONDS, ControlledLoads

from prewarm import (
    Definition,
    DefinitionCache,
    Found,
    InProcessCoalescer,
    MemoryDefinitions,
    Record,
    prewarm,
)


class Counted(MemoryDefinitions):
    """Notes what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def fetch(self, keys: Collection[str]) -> Found:
        self.asked.append(f"fetch {len(keys)}")
        return await super().fetch(keys)

    async def put_many(self, records: Sequence[Record], *, generation: int) -> int:
        self.asked.append(f"put {len(records)}")
        return await super().put_many(records, generation=generation)


async def defined(key: str) -> Definition:
    await anyio.lowlevel.checkpoint()
    return Definition(key)


async def test_a_failing_definition_is_a_warning_and_the_others_are_warm(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def load(key: str) -> Definition:
        if key == "bad":
            raise ValueError("unexpected end of file")
        return Definition(key)

    cache = DefinitionCache(load)
    with caplog.at_level(logging.WARNING):
        report = await prewarm(["a", "bad", "b", "a"], cache, limit=2)
    assert report.definitions == {"a": Definition("a"), "b": Definition("b")}
    assert report.failed == (("bad", "ValueError: unexpected end of file"),)
    assert "bad: its definition can't be prewarmed" in caplog.text
    assert cache.statistics().loads == 3


@pytest.mark.parametrize("limit", [1, 3, 50])
async def test_no_more_than_the_limit_load_at_once(limit: int) -> None:
    at_once = peak = 0

    async def load(key: str) -> Definition:
        nonlocal at_once, peak
        at_once += 1
        peak = max(peak, at_once)
        await anyio.lowlevel.checkpoint()
        at_once -= 1
        return Definition(key)

    await prewarm([str(number) for number in range(20)], DefinitionCache(load), limit=limit)
    assert peak == min(limit, 20)


async def test_many_definitions_take_few_statements() -> None:
    store = Counted()
    keys = [str(number) for number in range(450)]
    await prewarm(keys, DefinitionCache(defined, store=store), limit=8)
    assert store.asked == ["fetch 450", "put 200", "put 200", "put 50"]
    store.asked.clear()
    await prewarm(keys, DefinitionCache(defined, store=store), limit=8)
    assert store.asked == ["fetch 450"]


async def test_one_slow_definition_holds_up_none_of_many_others() -> None:
    others_loaded = 0
    all_others = anyio.Event()

    async def load(key: str) -> Definition:
        nonlocal others_loaded
        if key == "0":
            await all_others.wait()
            return Definition(key)
        others_loaded += 1
        if others_loaded == 449:
            all_others.set()
        return await defined(key)

    store = Counted()
    with anyio.fail_after(PATIENCE_SECONDS):
        await prewarm(
            [str(number) for number in range(450)], DefinitionCache(load, store=store), limit=8
        )
    assert store.asked == ["fetch 450", "put 200", "put 200", "put 50"]


async def test_what_exceeds_the_memory_is_returned_all_the_same() -> None:
    store = MemoryDefinitions()
    keys = [str(number) for number in range(50)]
    for _ in range(2):
        cache = DefinitionCache(defined, store=store, max_entries=5)
        assert set((await prewarm(keys, cache, limit=4)).definitions) == set(keys)
        assert cache.statistics().size == 5


async def test_nothing_to_warm_is_fine() -> None:
    report = await prewarm([], DefinitionCache(defined), limit=1)
    assert (dict(report.definitions), report.failed) == ({}, ())


async def test_two_that_prewarm_the_same_keys_load_each_once() -> None:
    loaded: list[str] = []

    async def load(key: str) -> Definition:
        loaded.append(key)
        return await defined(key)

    store, coalescer = MemoryDefinitions(), InProcessCoalescer()
    keys = [str(number) for number in range(500)]
    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as group:
            for order in (keys, keys[::-1], keys):
                cache = DefinitionCache(load, store=store, coalescer=coalescer)
                group.start_soon(lambda order, cache: prewarm(order, cache, limit=4), order, cache)
    assert sorted(loaded) == sorted(keys)


async def test_cancellation_passes_through_and_ends_the_loads() -> None:
    loads = ControlledLoads()
    cache = DefinitionCache(loads.load)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: prewarm(["a", "b"], cache, limit=2))
        await loads.begun("a")
        await loads.begun("b")
        group.cancel_scope.cancel()
    assert cache.statistics().in_flight == 0
