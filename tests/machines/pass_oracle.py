"""What must hold of a realm after a pass: it is what a fresh one would be, for little work."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

import asyncpg
from live_trees import ROWS

from engine import Engine, Folder, PassReport
from engine.languages import listing_of

Row = dict[str, Any]

MOST_CHARS = 400

# The rest of a failed entry is what the last good visit left.
FAILED = ("error", "dependencies", "probes")

EMBEDDED = """
SELECT '\\x' || encode(text_hash, 'hex') FROM chunks
UNION
SELECT '\\x' || encode(text_hash, 'hex') FROM waiting_vectors
"""

_fresh_names = (f"fresh {number}" for number in count())


@dataclass(frozen=True, slots=True)
class Live:
    """The live rows of a realm, by key, and all texts of the database that have a vector."""

    rows: dict[str, Row]
    embedded: frozenset[str]

    @property
    def texts(self) -> set[str]:
        return {chunk["text_hash"] for row in self.rows.values() for chunk in row["chunks"]}


async def live(connection: "asyncpg.Connection[asyncpg.Record]", realm: str) -> Live:
    rows = [dict(row) for row in await connection.fetch(ROWS, realm)]
    for row in rows:
        row["chunks"] = json.loads(row["chunks"])
    hashes = await connection.fetch(EMBEDDED)
    return Live({row["key"]: row for row in rows}, frozenset(row[0] for row in hashes))


async def fresh_rows(
    connection: "asyncpg.Connection[asyncpg.Record]", engine: Engine, source: Folder
) -> dict[str, Row]:
    """The rows of a new realm over the same tree, whose texts must all have a vector."""
    name = next(_fresh_names)
    realm = await engine.add_realm(name, source)
    try:
        report = await (await realm.index()).finished()
        assert report.texts_embedded == 0, "a fresh realm has texts that the incremental one lacks"
        return (await live(connection, name)).rows
    finally:
        await realm.delete()


def difference(ours: dict[str, Row], theirs: dict[str, Row]) -> list[str]:
    """What differs, a line each. Of an entry with an error its reason counts, and what from."""
    lines = [f"{key}: only here" for key in sorted(ours.keys() - theirs.keys())]
    lines += [f"{key}: missing here" for key in sorted(theirs.keys() - ours.keys())]
    for key in sorted(ours.keys() & theirs.keys()):
        one, other = ours[key], theirs[key]
        columns: Iterable[str] = one if one["error"] is None else FAILED
        lines += [
            f"{key}: {column} is {_short(one[column])}, should be {_short(other[column])}"
            for column in columns
            if one[column] != other[column]
        ]
    return lines


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < MOST_CHARS else f"{text[:MOST_CHARS]}..."


def may_be_visited(before: dict[str, Row], after: dict[str, Row]) -> set[str]:
    """The files with a reason to be visited: an upper bound that knows the two ends alone.

    Their content changed, they could not be read, they read (before or after) a definition
    that changed, or looked for a file that came or went.
    """
    both = before.keys() & after.keys()
    moved = before.keys() ^ after.keys()
    moved |= {key for key in both if _is_file(before[key]) != _is_file(after[key])}
    asked = moved | {listing_of(key) for key in moved}
    redefined = moved | {key for key in both if _offers(before[key]) != _offers(after[key])}
    return {
        key
        for key, row in after.items()
        if key not in before
        or _retried(before[key])
        or _retried(row)
        or _content(before[key]) != _content(row)
        or asked & {*before[key]["probes"], *row["probes"]}
        or redefined & {*before[key]["dependencies"], *row["dependencies"]}
    }


def _offers(row: Row) -> tuple[str, bool]:
    return row["definition_fingerprint"], _failed(row)


def _is_file(row: Row) -> bool:
    """A link, say, has an entry too, for its error; what can't be read has no hash."""
    return bool(row["content_hash"]) or row["error"] is None


def _content(row: Row) -> tuple[str, int]:
    # What is over the limit has no hash.
    return row["content_hash"], row["size"]


def _retried(row: Row) -> bool:
    """A card that is broken stays so until something else happens."""
    return _failed(row) and not row["error"].startswith("CardBroken")


def _failed(row: Row) -> bool:
    return row["error"] is not None


async def visited(engine: Engine, report: PassReport) -> set[str]:
    """The keys whose entries are of the report's generation."""
    entries = await engine.entries(report.realm, limit=1000)
    return {entry.key for entry in entries if entry.generation == report.generation}


async def left_behind(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> tuple[int, int, int]:
    """Working rows, chunks that no entry owns, and entries with other chunks than they count."""
    return (
        await connection.fetchval("SELECT count(*) FROM working_entries"),
        await connection.fetchval(
            "SELECT count(*) FROM chunks"
            " WHERE NOT EXISTS (SELECT FROM entries WHERE entries.version = chunks.version)"
        ),
        await connection.fetchval(
            "SELECT count(*) FROM entries WHERE chunk_count <>"
            " (SELECT count(*) FROM chunks WHERE chunks.version = entries.version)"
        ),
    )
