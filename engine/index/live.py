"""What readers see of a realm: its entries and what is remembered of them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import asyncpg

from engine.discover import Recorded
from engine.index.database import Connection, Queryable
from engine.index.sql import query
from engine.jobs.store import cancel_all
from engine.reasons import Reason, Why
from engine.sources import Stamp


@dataclass(frozen=True, slots=True)
class RealmRow:
    """A realm as it is stored. `source` is what `describe` of its source said."""

    id: int
    name: str
    source: dict[str, str]
    recipe: str
    revision: str
    generation: int
    indexed_at: datetime | None
    tenant: str
    paused: bool

    @classmethod
    def of(cls, row: asyncpg.Record) -> Self:
        return cls(
            row["id"],
            row["name"],
            json.loads(row["source"]),
            row["recipe"],
            row["revision"],
            row["generation"],
            row["indexed_at"],
            row["tenant"],
            row["paused"],
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over the live entries of a realm."""

    files: int
    errors: int
    skipped: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A file's row in the live index. `error` and `skipped` say why there may be no chunks."""

    key: str
    version: int
    content_hash: bytes
    size: int
    language: str
    definition_fingerprint: str
    dependencies: tuple[str, ...]
    probes: tuple[str, ...]
    diagnostics: tuple[str, ...]
    skipped: str | None
    error: str | None
    chunk_count: int
    generation: int

    @classmethod
    def of(cls, row: asyncpg.Record) -> Self:
        values: dict[str, Any] = dict(row)
        for name in ("dependencies", "probes", "diagnostics"):
            values[name] = tuple(values[name])
        return cls(**values)


async def find_realm(database: Queryable, name: str) -> RealmRow | None:
    row = await database.fetchrow(query("select_realm"), name)
    return None if row is None else RealmRow.of(row)


async def list_realms(database: Queryable) -> list[RealmRow]:
    return [RealmRow.of(row) for row in await database.fetch(query("select_realms"))]


async def realm_names(database: Queryable, *, limit: int) -> list[str]:
    """The names of realms, those first that were indexed last."""
    return [row["name"] for row in await database.fetch(query("select_realm_names"), limit)]


async def page_realms(
    database: Queryable,
    *,
    names: Sequence[str] | None,
    tenants: Sequence[str] | None,
    after: str,
    limit: int,
) -> list[RealmRow]:
    """Realms by name, those behind `after`; of these names and tenants only, if given."""
    rows = await database.fetch(query("select_realms_page"), after, names, tenants, limit)
    return [RealmRow.of(row) for row in rows]


async def realms_having(
    database: Queryable, key: str, *, tenants: Sequence[str] | None, limit: int
) -> list[str]:
    """The names of the realms that have an entry of this key, sorted."""
    rows = await database.fetch(query("select_realms_having"), key, tenants, limit)
    return [row["name"] for row in rows]


async def insert_realm(
    database: Queryable, name: str, source: dict[str, str], *, tenant: str = ""
) -> bool:
    """Whether there was none of this name."""
    inserted = await database.fetchval(query("insert_realm"), name, _json(source), tenant)
    return inserted is not None


async def update_source(database: Queryable, realm_id: int, source: dict[str, str]) -> None:
    await database.execute(query("update_realm_source"), realm_id, _json(source))


async def delete_realm(connection: Connection, realm_id: int) -> None:
    """Drop the realm and all that belongs to it; passes over it can write no more.

    The realm's row is locked first, in a statement of its own: it waits for the pass that
    is writing, whose rows only the statements after it can see. Its jobs are cancelled.
    """
    async with connection.transaction():
        await connection.execute(query("lock_realm"), realm_id)
        await cancel_all(connection, realm_id)
        for name in ("delete_realm", "delete_realm_chunks", "delete_working_entries"):
            await connection.execute(query(name), realm_id)


async def totals(database: Queryable, realm_id: int) -> Totals:
    row = await database.fetchrow(query("select_totals"), realm_id)
    assert row is not None  # an aggregate always has its row
    return Totals(row["files"], row["errors"], row["skipped"], row["chunks"])


async def recorded(database: Queryable, realm_id: int) -> dict[str, Recorded]:
    """What is remembered of each file, in one query; the whole cost of a pass without changes."""
    return _recorded(await database.fetch(query("select_recorded"), realm_id))


async def recorded_since(
    database: Queryable, realm_id: int, *, token: UUID, generation: int, since: int
) -> dict[str, Recorded] | None:
    """The same of files that were written after the generation `since`.

    Nothing, if the last pass that has begun is not that of `token`, or `generation` is not live.
    """
    statement = query("select_recorded_since")
    rows = await database.fetch(statement, realm_id, token, generation, since)
    return _recorded(row for row in rows if row["key"] is not None) if rows else None


def _recorded(rows: Iterable[asyncpg.Record]) -> dict[str, Recorded]:
    return {
        key: Recorded(content, Stamp(size, mtime, ctime, inode), listed_at, *rest)
        for key, content, size, mtime, ctime, inode, listed_at, *rest in rows
    }


async def all_dependencies(database: Queryable, realm_id: int) -> dict[str, list[str]]:
    """Every recorded edge of the realm."""
    rows = await database.fetch(query("select_all_dependencies"), realm_id)
    return {key: edges for key, edges in rows}  # noqa: C416 - rows are records, not pairs


async def dependencies(
    database: Queryable, realm_id: int, keys: Iterable[str]
) -> dict[str, list[str]]:
    """The recorded edges of some files."""
    rows = await database.fetch(query("select_dependencies"), realm_id, list(keys))
    return {key: edges for key, edges in rows}  # noqa: C416 - rows are records, not pairs


async def dependencies_of_spared(
    database: Queryable, realm_id: int, keys: Iterable[str]
) -> dict[str, list[str]]:
    """The same, without what the last pass visited."""
    rows = await database.fetch(query("select_dependencies_of_spared"), realm_id, list(keys))
    return {key: edges for key, edges in rows}  # noqa: C416 - rows are records, not pairs


async def readers(database: Queryable, realm_id: int, keys: Iterable[str]) -> list[tuple[str, str]]:
    """The files that read one of `keys`, each with the first that it read; sorted."""
    rows = await database.fetch(query("select_readers"), realm_id, list(keys))
    return [(row["key"], row["read"]) for row in rows]


async def probers(database: Queryable, realm_id: int, keys: Sequence[str]) -> list[tuple[str, str]]:
    """The files whose references looked for one of `keys`, found or not, each with that key."""
    rows = await database.fetch(query("select_probers"), realm_id, list(keys))
    return [(row["key"], row["probe"]) for row in rows]


async def find_entry(database: Queryable, realm_id: int, key: str) -> Entry | None:
    row = await database.fetchrow(query("select_entry"), realm_id, key)
    return None if row is None else Entry.of(row)


async def list_entries(
    database: Queryable, realm_id: int, *, after: str = "", limit: int = 100
) -> list[Entry]:
    """A page of entries in key order, those behind `after`."""
    rows = await database.fetch(query("select_entries_page"), realm_id, after, limit)
    return [Entry.of(row) for row in rows]


async def error_entries(
    database: Queryable, realm_id: int, *, limit: int = 100
) -> list[tuple[str, str]]:
    rows = await database.fetch(query("select_error_entries"), realm_id, limit)
    return [(row["key"], row["error"]) for row in rows]


@dataclass(frozen=True, slots=True)
class PassRow:
    """One line of a realm's history; without an end it is running, or its process died."""

    started_at: datetime
    finished_at: datetime | None
    error: str | None
    report: dict[str, Any] | None

    @property
    def phases(self) -> dict[str, float]:
        """The seconds of each phase, once it has ended well."""
        return dict(self.report["phases"]) if self.report else {}


async def last_pass(database: Queryable, realm_id: int) -> PassRow | None:
    return next(iter(await list_passes(database, realm_id, limit=1)), None)


async def list_passes(database: Queryable, realm_id: int, *, limit: int) -> list[PassRow]:
    """The latest lines of a realm's history, the newest first."""
    rows = await database.fetch(query("select_passes"), realm_id, limit)
    return [
        PassRow(
            row["started_at"],
            row["finished_at"],
            row["error"],
            None if row["report"] is None else json.loads(row["report"]),
        )
        for row in rows
    ]


def definitions_scope(realm_id: int) -> str:
    """The name under which a realm's definitions are stored."""
    return f"realm:{realm_id}"


def _json(value: dict[str, str]) -> str:
    return json.dumps(value, sort_keys=True)


async def explanations(
    database: Queryable, realm_id: int, keys: Iterable[str]
) -> dict[str, tuple[bool, Reason]]:
    """Of those of `keys` that the last pass visited, why it did."""
    rows = await database.fetch(query("select_explanations"), realm_id, list(keys))
    return {row["key"]: _explanation(row["value"]) for row in rows}


def _explanation(stored: str) -> tuple[bool, Reason]:
    visited, why, cause, names = json.loads(stored)
    return visited, Reason(Why(why), cause, tuple(names))
