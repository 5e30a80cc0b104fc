"""The bad schedules of two processes, made by hand with two connections."""

from collections.abc import AsyncIterator

import anyio
import asyncpg
import pytest_asyncio

from prewarm import Definition, DefinitionCache, PostgresDefinitions, Record, prewarm
from prewarm.statements import statement

PATIENCE_SECONDS = 30.0

A = Record("a", "1", Definition("a"))


def definitions(pool: asyncpg.Pool, scope: str = "realm") -> PostgresDefinitions:
    return PostgresDefinitions(pool, scope, version_of=lambda _key: "1")


@pytest_asyncio.fixture
async def other(definitions_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """The connection of another process."""
    connection = await asyncpg.connect(definitions_dsn)
    yield connection
    await connection.close()


async def blocked(pool: asyncpg.Pool, connection: asyncpg.Connection) -> None:
    """Wait until some statement waits for a lock that this connection holds."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))"
    with anyio.fail_after(PATIENCE_SECONDS):
        # Asks the server again and again; nothing tells when a statement begins to wait.
        while not await pool.fetchval(query, connection.get_server_pid()):
            pass


async def test_storing_waits_for_an_invalidation_that_has_begun_and_is_refused(
    pool: asyncpg.Pool, other: asyncpg.Connection
) -> None:
    store = definitions(pool)
    generation = (await store.fetch(["a"])).generation
    found: list[int] = []

    async def put() -> None:
        found.append(await store.put_many([A], generation=generation))

    async with anyio.create_task_group() as group:
        invalidation = other.transaction()
        await invalidation.start()
        await other.execute(statement("bump_generation"), "realm")
        await other.execute(statement("delete_definitions"), "realm", ["a"])
        group.start_soon(put)
        await blocked(pool, other)
        await invalidation.commit()
    assert found == [generation + 1]
    assert (await store.fetch(["a"])).records == ()


async def test_an_invalidation_waits_for_rows_that_are_being_stored_and_deletes_them(
    pool: asyncpg.Pool, other: asyncpg.Connection
) -> None:
    store = definitions(pool)
    generation = (await store.fetch(["a"])).generation
    async with anyio.create_task_group() as group:
        storing = other.transaction()
        await storing.start()
        columns = [["a"], ["1"], [b"[]"], [""], ["{}"], [None], [None]]
        await other.fetchval(statement("store_definitions"), "realm", generation, *columns)
        group.start_soon(store.invalidate, ["a"])
        await blocked(pool, other)
        await storing.commit()
    assert await other.fetchval("SELECT count(*) FROM definitions") == 0


async def test_scopes_share_nothing_but_an_invalidation_of_everything(pool: asyncpg.Pool) -> None:
    one, two = definitions(pool, "one"), definitions(pool, "two")
    for store in (one, two):
        await store.fetch([])
        assert await store.put_many([A], generation=0) == 0
    await one.invalidate(["a"])
    assert (await two.fetch(["a"])).records == (A,)
    await one.invalidate_all()
    assert (await two.fetch(["a"])).records == (A,)
    generation = (await two.fetch([])).generation
    await one.invalidate_everything()
    assert (await two.fetch(["a"])).records == ()
    assert await two.put_many([A], generation=generation) == generation + 1
    assert (await two.fetch(["a"])).records == ()


async def test_a_first_load_is_refused_after_everything_was_invalidated(pool: asyncpg.Pool) -> None:
    here, elsewhere = definitions(pool, "here"), definitions(pool, "elsewhere")

    async def load(key: str) -> Definition:
        await elsewhere.invalidate_everything()
        return Definition(key)

    cache = DefinitionCache(load, store=here)
    await cache.get("a")
    assert (await here.fetch(["a"])).records == ()
    assert cache.statistics().size == 0


async def test_a_cold_pass_is_stored_and_the_next_one_loads_nothing(pool: asyncpg.Pool) -> None:
    keys = [f"package/module_{number}.py" for number in range(1000)]

    async def load(key: str) -> Definition:
        return Definition(key)

    cold, warm = (DefinitionCache(load, store=definitions(pool)) for _ in range(2))
    assert len((await prewarm(keys, cold, limit=8)).definitions) == 1000
    assert len((await prewarm(keys, warm, limit=8)).definitions) == 1000
    assert (warm.statistics().loads, warm.statistics().store_hits) == (0, 1000)
