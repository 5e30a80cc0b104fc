"""Moves the chunks into partitions by the hash of their realm, or back, while all else goes on.

A second table is filled beside the first, gets its indexes, and takes its name:

    PREPARE  in one transaction: the new table, and triggers on the old one that mirror what is
             written from now on. To create them waits for the writers that are under way, so
             that whatever is not mirrored is committed.
    COPY     what was there before, batch by batch, in the order of the primary key.
    INDEX    each part, while it is written to.
    SWAP     in one transaction: the old table goes, and the new one gets its names.

Each of them can be interrupted anywhere: what has been done is read from the database, so that
whoever comes next goes on from there (`next_move`). There is one at a time (`lone_session`), and
all of it is done by that session, so that nothing of a dead one is still under way.

No search and no pass waits longer than `briefly` waits for a lock, but whoever deletes rows that
are just being copied: for one batch. A search that reads at one moment finds the same rows in
both tables, since the indexes are built only once all moments before the last copy are over.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from engine.errors import WidthwiseError
from engine.index.brief_lock import briefly
from engine.index.database import Connection
from engine.index.lone_session import lone_session
from engine.index.sql import query
from engine.index.vector_index import BUILD_ROWS, due_steps, know_dimensions, parts_of, take_step

log = logging.getLogger("widthwise.partitioning")

MOST_PARTS: Final = 256
BATCH_ROWS: Final = 2_000
STAGED: Final = "chunks_staged"

# Below the second after which the server looks for circles of waiting: where a deletion and a
# batch wait for each other, it is the batch that gives way.
_ROW_WAIT_MS: Final = 200
_TOLD_SECONDS: Final = 2.0
_TRIGGERS: Final = (
    "CREATE TRIGGER mirror_inserted AFTER INSERT ON chunks REFERENCING NEW TABLE AS inserted"
    " FOR EACH STATEMENT EXECUTE FUNCTION mirror_inserted_chunks()",
    "CREATE TRIGGER mirror_deleted AFTER DELETE ON chunks REFERENCING OLD TABLE AS deleted"
    " FOR EACH STATEMENT EXECUTE FUNCTION mirror_deleted_chunks()",
    "CREATE TRIGGER refuse_changed BEFORE UPDATE OR TRUNCATE ON chunks"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_changed_chunks()",
)

Tell = Callable[[str], None]
Act = Callable[[], Awaitable[None]]


class Move(StrEnum):
    """What brings the layout closer to the one that is wanted."""

    DISCARD = "discard"
    PREPARE = "prepare"
    COPY = "copy"
    INDEX = "index"
    SWAP = "swap"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Layout:
    """In how many parts the chunks are, and how far a change to `staged` parts has come."""

    live: int
    staged: int | None = None
    copied: bool = False
    indexed: bool = False


class NotPartitioned(WidthwiseError):
    """The layout can't be changed like that, or the copy is not what it should be."""


def next_move(layout: Layout, *, wanted: int) -> Move:
    """One part is the one table that a database begins with."""
    if layout.live == wanted:
        return Move.NOTHING if layout.staged is None else Move.DISCARD
    if layout.staged is None:
        return Move.PREPARE
    if layout.staged != wanted:
        return Move.DISCARD
    if not layout.copied:
        return Move.COPY
    return Move.SWAP if layout.indexed else Move.INDEX


async def partition(
    dsn: str,
    parts: int,
    *,
    build_rows: int = BUILD_ROWS,
    batch_rows: int = BATCH_ROWS,
    tell: Tell = log.info,
) -> None:
    """Have the chunks in so many parts, 1 for the one table; goes on where another one ended.

    Waits for the index of vectors that is just being built. `NotPartitioned`, `TableBusy`.
    """
    if not 1 <= parts <= MOST_PARTS:
        raise NotPartitioned(f"{parts} partitions: from 1, the one table, to {MOST_PARTS}")
    async with lone_session(dsn, wait=True) as connection:
        assert connection is not None  # it was waited for
        # What waits here holds nobody up: nothing but writers' triggers knows the new table.
        await connection.execute("SET lock_timeout = 0")
        moving = Moving(connection, parts, build_rows=build_rows, batch_rows=batch_rows, tell=tell)
        await moving.to_the_end()


async def discard(dsn: str) -> bool:
    """Give up a change that was begun; returns whether there was one."""
    async with lone_session(dsn, wait=True) as connection:
        assert connection is not None  # it was waited for
        layout = await read_layout(connection)
        if layout.staged is not None:
            await briefly(connection, "discarding the copy", lambda: _drop_copy(connection))
        return layout.staged is not None


async def read_layout(connection: Connection) -> Layout:
    row = await connection.fetchrow(query("select_partitioning"))
    assert row is not None  # it selects from nothing
    return Layout(*row)


class Moving:
    """One change of the layout, by one session."""

    def __init__(
        self, connection: Connection, parts: int, *, build_rows: int, batch_rows: int, tell: Tell
    ) -> None:
        self._connection = connection
        self._wanted = parts
        self._build_rows = build_rows
        self._batch_rows = batch_rows
        self._tell = tell

    async def to_the_end(self) -> None:
        layout = await read_layout(self._connection)
        while (move := next_move(layout, wanted=self._wanted)) is not Move.NOTHING:
            await self._make(move)
            layout = await read_layout(self._connection)
            if move is Move.INDEX:
                layout = replace(layout, indexed=True)

    async def _make(self, move: Move) -> None:
        match move:
            case Move.DISCARD:
                await self._briefly("discarding another copy", self._discard)
            case Move.PREPARE:
                await self._briefly("preparing", self._prepare)
            case Move.COPY:
                await self._copy()
            case Move.INDEX:
                await self._index()
            case Move.SWAP:
                await self._briefly("taking the new table", self._swap)

    async def _briefly(self, what: str, act: Act) -> None:
        self._tell(what)
        await briefly(self._connection, what, act)

    async def _discard(self) -> None:
        await _drop_copy(self._connection)

    async def _prepare(self) -> None:
        # Rather now than after hours of copying.
        await self._refuse_views()
        for statement in staged_table(self._wanted):
            await self._connection.execute(statement)
        if self._wanted > 1:
            for suffix, definition in await self._definitions():
                await self._connection.execute(
                    f'CREATE INDEX "{STAGED}{suffix}" ON ONLY {STAGED} {definition}'
                )
        await self._connection.execute("INSERT INTO partitioning (parts) VALUES ($1)", self._wanted)
        # The triggers write with the privileges of whoever writes to the chunks.
        await self._entitle()
        # Last, because from here on writers wait for the end of this transaction.
        for trigger in _TRIGGERS:
            await self._connection.execute(trigger)

    async def _copy(self) -> None:
        self._tell("copying")
        copied, told = 0, time.monotonic()
        while rows := await self._copy_batch():
            copied += rows
            if time.monotonic() - told >= _TOLD_SECONDS:
                self._tell(f"copied {copied:,} chunks")
                told = time.monotonic()
        self._tell(f"copied {copied:,} chunks, the last of them")

    async def _copy_batch(self) -> int:
        """How many rows were copied; fewer than a batch are the last, and then there are none."""

        async def act() -> int:
            return int(await self._connection.fetchval(query("copy_chunks"), self._batch_rows))

        return await briefly(self._connection, "copying", act, longest_ms=_ROW_WAIT_MS)

    async def _index(self) -> None:
        """Also makes sure that all who read at a moment before the last copy have ended."""
        parts = await parts_of(self._connection, STAGED)
        for suffix, definition in await self._definitions():
            for part in parts:
                await self._build(part, suffix, definition)
        for indexed, step in await due_steps(self._connection, STAGED, build_rows=self._build_rows):
            self._tell(f"index of vectors: {indexed.name}")
            await take_step(self._connection, indexed, step)
        await know_dimensions(self._connection, STAGED)
        await self._connection.execute(f"ANALYZE {STAGED}")
        if differing := await self._connection.fetchval(query("count_uncopied_realms")):
            raise NotPartitioned(
                f"the copy of {differing} realms differs from their chunks, which must not be;"
                " the index is as it was. `widthwise partition --discard` drops the copy"
            )

    async def _build(self, part: str, suffix: str, definition: str) -> None:
        name = f"{part}{suffix}"
        state = await self._connection.fetchrow(query("select_index_state"), name)
        if state is not None and not state["valid"]:
            # What a killed build left.
            await self._connection.execute(f'DROP INDEX CONCURRENTLY "{name}"')
        if state is None or not state["valid"]:
            self._tell(f"index: {name}")
            await self._connection.execute(
                f'CREATE INDEX CONCURRENTLY "{name}" ON "{part}" {definition}'
            )
        if part != STAGED and not (state and state["attached"]):
            attach = f'ALTER INDEX "{STAGED}{suffix}" ATTACH PARTITION "{name}"'
            await briefly(self._connection, name, lambda: self._connection.execute(attach))

    async def _swap(self) -> None:
        await self._connection.execute("LOCK TABLE chunks IN ACCESS EXCLUSIVE MODE")
        await self._refuse_views()
        await self._entitle()
        rows = await self._connection.fetch(query("select_own_indexes"), STAGED)
        await self._connection.execute("DROP TABLE chunks")
        await self._connection.execute(f"ALTER TABLE {STAGED} RENAME TO chunks")
        for name in (row["name"] for row in rows):
            final = "chunks" + name.removeprefix(STAGED)
            await self._connection.execute(f'ALTER INDEX "{name}" RENAME TO "{final}"')
        await self._connection.execute("DELETE FROM partitioning")

    async def _refuse_views(self) -> None:
        rows = await self._connection.fetch(query("select_dependent_views"))
        if views := ", ".join(row["name"] for row in rows):
            raise NotPartitioned(
                f"views stand on the chunks: {views}. Drop them, run this again, and create them"
                " anew at its end; what was copied is kept until then"
            )

    async def _entitle(self) -> None:
        """Who may read or write the chunks may do so with the new table."""
        for row in await self._connection.fetch(query("select_entitlements"), STAGED):
            await self._connection.execute(row["statement"])

    async def _definitions(self) -> list[tuple[str, str]]:
        rows = await self._connection.fetch(query("select_chunk_indexes"))
        return [(row["suffix"], row["definition"]) for row in rows]


def staged_table(parts: int) -> list[str]:
    """Statements that make the new table. One that is partitioned has the realm in its key."""
    likeness = "INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS"
    like = f"CREATE TABLE {STAGED} (LIKE chunks {likeness}, PRIMARY KEY"
    if parts == 1:
        return [f"{like} (version, ordinal))"]
    return [
        f"{like} (version, ordinal, realm_id)) PARTITION BY HASH (realm_id)",
        *(
            f"CREATE TABLE chunks_{parts}_{number} PARTITION OF {STAGED}"
            f" FOR VALUES WITH (MODULUS {parts}, REMAINDER {number})"
            for number in range(parts)
        ),
    ]


async def _drop_copy(connection: Connection) -> None:
    for trigger in ("mirror_inserted", "mirror_deleted", "refuse_changed"):
        await connection.execute(f"DROP TRIGGER IF EXISTS {trigger} ON chunks")
    await connection.execute(f"DROP TABLE IF EXISTS {STAGED}")
    await connection.execute("DELETE FROM partitioning")
