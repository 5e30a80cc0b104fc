"""Several processes share one load, and survive the death of the one that leads."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import asyncpg
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from prewarm import (
    AdvisoryLocks,
    Definition,
    DefinitionCache,
    PostgresCoalescer,
    PostgresDefinitions,
)

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0


class CacheProcess:
    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        self.process = process
        self._lines = BufferedByteReceiveStream(process.stdout)

    async def says(self) -> str:
        with anyio.fail_after(PATIENCE_SECONDS):
            return (await self._lines.receive_until(b"\n", 1000)).decode()

    async def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send(line.encode() + b"\n")

    async def ask(self) -> None:
        assert await self.says() == "ready"
        await self.tell("get it")

    async def ended(self) -> int:
        with anyio.fail_after(PATIENCE_SECONDS):
            return await self.process.wait()


@asynccontextmanager
async def cache_process(dsn: str, key: str) -> AsyncIterator[CacheProcess]:
    script = Path(__file__).with_name("cache_process.py")
    async with await anyio.open_process(
        [sys.executable, str(script), dsn, key], env={"PYTHONPATH": str(ROOT)}, stderr=None
    ) as process:
        try:
            yield CacheProcess(process)
        finally:
            if process.returncode is None:
                process.kill()


async def leaders(dsn: str) -> list[int]:
    """The server processes that hold a lock on a definition."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await connection.close()
    return [row["pid"] for row in rows]


async def test_two_processes_that_want_one_cold_key_load_it_once(definitions_dsn: str) -> None:
    async with (
        cache_process(definitions_dsn, "a") as first,
        cache_process(definitions_dsn, "a") as second,
    ):
        await first.ask()
        assert await first.says() == "loading"
        await second.ask()
        await first.tell("from the first")
        assert await first.says() == "got from the first"
        assert await second.says() == "got from the first"


async def test_a_follower_takes_over_when_the_leader_is_killed(definitions_dsn: str) -> None:
    async with (
        cache_process(definitions_dsn, "a") as leader,
        cache_process(definitions_dsn, "a") as follower,
    ):
        await leader.ask()
        assert await leader.says() == "loading"
        await follower.ask()
        leader.process.kill()
        assert await leader.ended() != 0
        assert await follower.says() == "loading"
        await follower.tell("from the follower")
        assert await follower.says() == "got from the follower"
        assert await follower.ended() == 0
    assert await leaders(definitions_dsn) == []


async def test_what_another_process_invalidated_while_it_loaded_is_not_stored(
    definitions_dsn: str, pool: asyncpg.Pool
) -> None:
    store = PostgresDefinitions(pool, "realm", version_of=lambda _key: "1")

    async def load_here(key: str) -> Definition:
        return Definition(key, detail="new")

    here = DefinitionCache(load_here, store=store)
    async with cache_process(definitions_dsn, "a") as other:
        await other.ask()
        assert await other.says() == "loading"
        await here.invalidate(["a"])
        await other.tell("old")
        assert await other.says() == "got old"
    assert (await store.fetch(["a"])).records == ()
    assert (await here.get("a")).detail == "new"


async def test_five_leaders_on_a_pool_of_two_connections_finish(
    definitions_dsn: str, pool: asyncpg.Pool
) -> None:
    loading, all_loading = set(), anyio.Event()

    async def load(key: str) -> Definition:
        loading.add(key)
        if len(loading) == 5:
            all_loading.set()
        await all_loading.wait()
        return Definition(key, detail=await pool.fetchval("SELECT 'queried'"))

    async with AdvisoryLocks(definitions_dsn) as locks:
        store = PostgresDefinitions(pool, "realm", version_of=lambda _key: "1")
        cache = DefinitionCache(load, store=store, coalescer=PostgresCoalescer(locks, "realm"))
        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as group:
                for key in "abcde":
                    group.start_soon(cache.get, key)
    assert len((await store.fetch("abcde")).records) == 5


async def test_a_load_outlives_the_connection_that_holds_its_lock(
    definitions_dsn: str, pool: asyncpg.Pool, caplog: pytest.LogCaptureFixture
) -> None:
    async def load(key: str) -> Definition:
        for pid in await leaders(definitions_dsn):
            await pool.execute("SELECT pg_terminate_backend($1, 10000)", pid)
        return Definition(key)

    async with AdvisoryLocks(definitions_dsn) as locks:
        store = PostgresDefinitions(pool, "realm", version_of=lambda _key: "1")
        coalescer = PostgresCoalescer(locks, "realm")
        cache = DefinitionCache(load, store=store, coalescer=coalescer)
        with anyio.fail_after(PATIENCE_SECONDS):
            await cache.get("a")
            await cache.get("b")
        assert len((await store.fetch("ab")).records) == 2
        assert await coalescer.try_lead("ab") == {"a", "b"}
