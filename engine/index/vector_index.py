"""The approximate index over each embedder's vectors: when one is built, and when it goes.

An index is an access path and no truth: a search without one looks at every row. So nothing
here is part of a pass, and whatever fails is tried again at the next occasion.

Vectors are stored and indexed in half precision, since that loses nothing that can be measured:
of 39,195 chunks of Django an exact search finds the very same ten, one through the index 0.984
of them against 0.986, and the column takes half, the index three fifths
(`python -m benchmarks.search_halfvec`).
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import anyio
import asyncpg

from engine.index.database import BROKEN, Queryable
from engine.index.sql import query

log = logging.getLogger("widthwise.vectors")

BUILD_ROWS: Final = 50_000
"""Below, a scan of all rows answers in the time that the index would take, and is exact."""
LARGEST_DIMENSION: Final = 4_000
"""What pgvector can index of half precision; longer vectors are compared one by one."""

# "widthvec" as a number. Whoever holds it builds or drops; the others leave it to him.
_LOCK: Final = 0x7769647468766563
# A build waits for the transactions that were there before it, and gives way to long ones.
_WAIT_SECONDS: Final = 60
_BUILD_SECONDS: Final = 6 * 3_600
_TURN_SECONDS: Final = 0.5
# No chunk's row takes less.
_LEAST_BYTES: Final = 256
_MIB: Final = 1 << 20


class Step(StrEnum):
    """What an embedder's index needs. REBUILD: what a killed build left is dropped first."""

    LEAVE = "leave"
    BUILD = "build"
    REBUILD = "rebuild"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Indexed:
    """An embedder's vectors and their index. `rows` are counted up to some bound.

    `valid` is None without an index; `building` says that some session is at it.
    """

    embedder_id: int
    dimension: int
    rows: int
    valid: bool | None
    building: bool

    @property
    def name(self) -> str:
        return index_name(self.embedder_id, self.dimension)


def index_name(embedder_id: int, dimension: int) -> str:
    """What the index is called; a new dimension makes it another one."""
    return f"chunks_near_{embedder_id}_{dimension}"


def next_step(indexed: Indexed, *, build_rows: int) -> Step:
    """What to do now. An index stays while any row is left that it could find."""
    if indexed.building:
        return Step.LEAVE
    if not indexed.rows:
        return Step.LEAVE if indexed.valid is None else Step.DROP
    if indexed.valid is None:
        large = indexed.rows >= build_rows and indexed.dimension <= LARGEST_DIMENSION
        return Step.BUILD if large else Step.LEAVE
    return Step.LEAVE if indexed.valid else Step.REBUILD


def build_memory_mib(rows: int, dimension: int) -> int:
    """Memory in which the whole graph fits while it is built, within reason.

    A graph that outgrows it is built several times slower. Measured: of 200,000 rows of 256
    dimensions each took 1,217 bytes.
    """
    wanted = rows * (2 * dimension + 750) // _MIB
    return max(64, min(wanted, 4_096))


async def may_need_tending(database: Queryable, *, build_rows: int = BUILD_ROWS) -> bool:
    """Whether there is an index, or so much that there could be enough rows for one.

    Quick, so that it may be asked after every pass.
    """
    return bool(await database.fetchval(query("exists_much_to_index"), build_rows * _LEAST_BYTES))


async def tend_vector_indexes(
    dsn: str, *, build_rows: int = BUILD_ROWS, wait: bool = False
) -> list[tuple[str, Step]]:
    """Build what is missing and drop what is of no use; returns what was done.

    No reader or writer waits for it. While another process is at it, it does nothing, or
    waits for its turn.
    """
    async with _session(dsn) as connection:
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            if not wait:
                return []
            # Asked again and again: to wait inside Postgres would be a transaction, for
            # whose end the build of the other waits.
            await anyio.sleep(_TURN_SECONDS)
        await _drop_outdated(connection)
        rows = await connection.fetch(query("select_vector_indexes"), build_rows)
        found = [Indexed(*row) for row in rows]
        steps = [(each, next_step(each, build_rows=build_rows)) for each in found]
        due = [(each, step) for each, step in steps if step is not Step.LEAVE]
        return [(each.name, step) for each, step in due if await _take(connection, each, step)]


@asynccontextmanager
async def _session(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of its own, since it holds a lock and waits for long; its end frees the lock."""
    connection = await asyncpg.connect(dsn, timeout=30, command_timeout=_BUILD_SECONDS)
    try:
        await connection.execute(f"SET lock_timeout = '{_WAIT_SECONDS}s'")
        yield connection
        # A pooler may hand this session on.
        await connection.reset()
    finally:
        # Not a polite close: a build that is cancelled must end at once.
        connection.terminate()


async def _take(connection: asyncpg.Connection, indexed: Indexed, step: Step) -> bool:
    try:
        if step in (Step.DROP, Step.REBUILD):
            await _drop(connection, indexed.name)
        if step in (Step.BUILD, Step.REBUILD):
            await _build(connection, indexed)
    except BROKEN as error:
        # What is left of it is not valid, so that the next occasion begins anew.
        log.warning("cannot %s the index %s yet: %s", step, indexed.name, error)
        return False
    log.info("%s: %s", indexed.name, step)
    return True


async def _build(connection: asyncpg.Connection, indexed: Indexed) -> None:
    rows = await connection.fetchval(query("count_rows_roughly"))
    memory = build_memory_mib(max(rows, indexed.rows), indexed.dimension)
    await connection.execute(f"SET maintenance_work_mem = '{memory}MB'")
    try:
        await connection.execute(_create(indexed))
    except (asyncpg.DiskFullError, asyncpg.OutOfMemoryError):
        # Workers share their memory through /dev/shm, which containers keep small.
        log.info("%s: building without parallel workers", indexed.name)
        await connection.execute("SET max_parallel_maintenance_workers = 0")
        await _drop(connection, indexed.name)
        await connection.execute(_create(indexed))


def _create(indexed: Indexed) -> str:
    """Numbers of ours stand in the text, since an index takes no parameters."""
    return query("create_vector_index").format(
        name=indexed.name, embedder_id=indexed.embedder_id, dimension=indexed.dimension
    )


async def _drop_outdated(connection: asyncpg.Connection) -> None:
    """Drop those of a dimension that their embedder no longer has."""
    for row in await connection.fetch(query("select_outdated_vector_indexes")):
        try:
            await _drop(connection, row["name"])
        except BROKEN as error:
            log.warning("cannot drop the index %s yet: %s", row["name"], error)


async def _drop(connection: asyncpg.Connection, name: str) -> None:
    await connection.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
