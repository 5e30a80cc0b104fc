"""Definitions kept in Postgres, for all processes of a scope. See queries/ for how."""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from prewarm.definition import Definition, Key
from prewarm.encoding import decode, encode
from prewarm.statements import statement
from prewarm.store import Dropped, Failure, Found, Record

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]


class PostgresDefinitions:
    """A `DefinitionStore` in the tables of `queries/create_definitions.sql`.

    Takes a connection of the pool for one statement at a time, or for one short
    transaction when it invalidates; never while a definition is loaded.
    """

    def __init__(self, pool: "Pool", scope: str, *, version_of: Callable[[Key], str]) -> None:
        self._pool = pool
        self._scope = scope
        self._version_of = version_of

    def version_of(self, key: Key) -> str:
        return self._version_of(key)

    async def fetch(self, keys: Collection[Key]) -> Found:
        wanted = list(keys)
        versions = [self._version_of(key) for key in wanted]
        query = statement("fetch_definitions")
        rows = await self._pool.fetch(query, self._scope, wanted, versions)
        if not rows:
            # The scope has to have a generation before anything of it is loaded, or an
            # invalidation of all scopes would pass it by.
            await self._pool.execute(statement("open_scope"), self._scope)
            rows = await self._pool.fetch(query, self._scope, wanted, versions)
        return Found(rows[0]["generation"], tuple(_records(rows)))

    async def put_many(self, records: Sequence[Record], *, generation: int) -> int:
        columns = zip(*map(_row, records), strict=True) if records else ((),) * 7
        found = await self._pool.fetchval(
            statement("store_definitions"), self._scope, generation, *map(list, columns)
        )
        return -1 if found is None else int(found)

    async def invalidate(self, keys: Collection[Key]) -> Dropped:
        async with self._bumped() as (connection, generation):
            rows = await connection.fetch(statement("delete_definitions"), self._scope, list(keys))
        return Dropped(generation, frozenset(row["key"] for row in rows))

    async def invalidate_all(self) -> int:
        async with self._bumped() as (connection, generation):
            await connection.execute(statement("delete_scope"), self._scope)
        return generation

    async def invalidate_everything(self) -> int:
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="read_committed"),
        ):
            await connection.execute(statement("open_scope"), self._scope)
            rows = await connection.fetch(statement("bump_generations"))
            await connection.execute(statement("delete_all_definitions"))
        return int(next(row["generation"] for row in rows if row["scope"] == self._scope))

    @asynccontextmanager
    async def _bumped(self) -> "AsyncIterator[tuple[Connection, int]]":
        # 1. An invalidation takes its snapshot, then waits for the generation's row.
        # 2. The process that holds the row stores a definition and commits.
        # 3. The invalidation goes on, with a snapshot that does not have that definition.
        # So bumping and deleting are two statements: the second sees what the first waited for.
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="read_committed"),
        ):
            yield connection, await connection.fetchval(statement("bump_generation"), self._scope)


def _row(record: Record) -> tuple[Any, ...]:
    outcome = record.outcome
    dependencies = _array(sorted(record.dependencies))
    if isinstance(outcome, Failure):
        return (
            record.key,
            record.version,
            None,
            None,
            dependencies,
            outcome.reason.replace("\0", ""),
            outcome.life_seconds,
        )
    return (
        record.key,
        record.version,
        encode(outcome),
        outcome.fingerprint,
        dependencies,
        None,
        None,
    )


def _array(items: Sequence[str]) -> str:
    """A text array as Postgres writes it: a column of arrays can't be unnested as arrays."""
    quoted = (item.replace("\\", "\\\\").replace('"', '\\"') for item in items)
    return "{" + ",".join(f'"{item}"' for item in quoted) + "}"


def _records(rows: "Sequence[asyncpg.Record]") -> Iterator[Record]:
    for row in rows:
        if row["key"] is not None and (outcome := _outcome(row)) is not None:
            yield Record(row["key"], row["version"], outcome, frozenset(row["dependencies"]))


def _outcome(row: "asyncpg.Record") -> Definition | Failure | None:
    if row["error"] is not None:
        return Failure(row["error"], row["life_seconds"])
    return decode(row["key"], row["definition"])
