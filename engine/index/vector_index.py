"""The approximate index over each embedder's vectors: when one is built, and when it goes.

An index is an access path and no truth: a search without one looks at every row. So nothing
here is part of a pass, and whatever fails is tried again at the next occasion.

Vectors are stored and indexed in half precision, since that loses nothing that can be measured:
of 39,195 chunks of Django an exact search finds the very same ten, one through the index 0.984
of them against 0.986, and the column takes half, the index three fifths
(`python -m benchmarks.search_halfvec`).
"""

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import asyncpg

from engine.index.database import BROKEN, Connection, Queryable
from engine.index.lone_session import lone_session
from engine.index.sql import query

log = logging.getLogger("widthwise.vectors")

BUILD_ROWS: Final = 50_000
"""Below, a scan of all rows answers in the time that the index would take, and is exact."""
LARGEST_DIMENSION: Final = 4_000
"""What pgvector can index of half precision; longer vectors are compared one by one."""

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
    """An embedder's vectors in one part of the chunks, and their index.

    `rows` are counted up to some bound; `valid` is None without an index; `building` says that
    some session is at it.
    """

    part: str
    embedder_id: int
    dimension: int
    rows: int
    valid: bool | None
    building: bool

    @property
    def name(self) -> str:
        return self.part + index_suffix(self.embedder_id, self.dimension)


def index_suffix(embedder_id: int, dimension: int) -> str:
    """What the index is called behind its table; a new dimension makes it another one."""
    return f"_near_{embedder_id}_{dimension}"


def rows_for_index(build_rows: int, parts: int) -> int:
    """From how many rows on a part gets an index: all that have none make one search no longer."""
    return -(-build_rows // parts)


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
    waits for its turn; but not for chunks that are being moved, which are indexed on the way.
    """
    async with lone_session(dsn, wait=wait, unless=query("exists_partitioning")) as connection:
        if connection is None:
            return []
        return await tend_parts(connection, "chunks", build_rows=build_rows)


async def tend_parts(
    connection: Connection, table: str, *, build_rows: int = BUILD_ROWS
) -> list[tuple[str, Step]]:
    """What `tend_vector_indexes` does, to one table or its partitions, by a session that may."""
    done = []
    for indexed, step in await due_steps(connection, table, build_rows=build_rows):
        try:
            await take_step(connection, indexed, step)
        except BROKEN as error:
            # What is left of it is not valid, so that the next occasion begins anew.
            log.warning("cannot %s the index %s yet: %s", step, indexed.name, error)
        else:
            done.append((indexed.name, step))
    try:
        await know_dimensions(connection, table)
    except BROKEN as error:
        log.warning("cannot count the dimensions of vectors yet: %s", error)
    return done


async def know_dimensions(connection: Connection, table: str) -> None:
    """Have the planner count how many numbers vectors have, where that is a condition of an index.

    It would expect one row in 200 to have as many as asked for, and then, as if there were no
    more rows to read than are wanted, read the indexes of all partitions to their ends. Measured
    with a filter that one file in 20 passes, 200,000 chunks in 16 partitions: 154 ms, not 1,284.
    """
    for part, name in await connection.fetch(query("select_unknown_dimensions"), table):
        await connection.execute(
            f'CREATE STATISTICS "{name}" ON (vector_dims(embedding)) FROM "{part}"'
        )
        await connection.execute(f'ANALYZE "{part}"')


async def due_steps(
    connection: Connection, table: str, *, build_rows: int = BUILD_ROWS
) -> list[tuple[Indexed, Step]]:
    """What each part of the table needs, once what is of another dimension is dropped."""
    parts = await parts_of(connection, table)
    wanted = rows_for_index(build_rows, len(parts))
    found = []
    for part in parts:
        await _drop_outdated(connection, part)
        rows = await connection.fetch(query("select_vector_indexes").format(part=part), wanted)
        found += [Indexed(part, *row) for row in rows]
    steps = [(each, next_step(each, build_rows=wanted)) for each in found]
    return [(each, step) for each, step in steps if step is not Step.LEAVE]


async def parts_of(connection: Connection, table: str) -> list[str]:
    """Where the rows of a table are: its partitions, or itself."""
    return [row["name"] for row in await connection.fetch(query("select_parts"), table)]


async def take_step(connection: Connection, indexed: Indexed, step: Step) -> None:
    if step in (Step.DROP, Step.REBUILD):
        await _drop(connection, indexed.name)
    if step in (Step.BUILD, Step.REBUILD):
        await _build(connection, indexed)
    log.info("%s: %s", indexed.name, step)


async def _build(connection: Connection, indexed: Indexed) -> None:
    rows = await connection.fetchval(query("count_rows_roughly"), indexed.part)
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
        name=indexed.name,
        part=indexed.part,
        embedder_id=indexed.embedder_id,
        dimension=indexed.dimension,
    )


async def _drop_outdated(connection: Connection, part: str) -> None:
    """Drop those of a dimension that their embedder no longer has."""
    for row in await connection.fetch(query("select_outdated_vector_indexes"), part):
        try:
            await _drop(connection, row["name"])
        except BROKEN as error:
            log.warning("cannot drop the index %s yet: %s", row["name"], error)


async def _drop(connection: Connection, name: str) -> None:
    await connection.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
