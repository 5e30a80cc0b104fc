"""What stands around hits in the graph of dependencies: a few definitions, a few dependents."""

from collections import defaultdict
from collections.abc import Sequence

import asyncpg

from engine.index.database import Queryable
from engine.index.hit import Definition, Related
from engine.index.sql import query

MOST_DEFINITIONS = 8
MOST_DEPENDENTS = 10


async def related_of(database: Queryable, rows: Sequence[asyncpg.Record]) -> list[Related]:
    """One for each row of a search, in two questions for all of them."""
    definitions = await _definitions(database, rows)
    dependents = await _dependents(database, rows)
    return [
        Related(tuple(definitions[hit]), tuple(dependents[row["realm_id"], row["path"]]))
        for hit, row in enumerate(rows)
    ]


async def _definitions(
    database: Queryable, rows: Sequence[asyncpg.Record]
) -> dict[int, list[Definition]]:
    asked = [
        (hit, row["realm_id"], *used_name(use))
        for hit, row in enumerate(rows)
        for use in row["uses"][:MOST_DEFINITIONS]
    ]
    columns = [list(column) for column in zip(*asked, strict=True)] or [[], [], [], []]
    found: defaultdict[int, list[Definition]] = defaultdict(list)
    for hit, *place in await database.fetch(query("select_related_definitions"), *columns):
        if (definition := Definition(*place)) not in found[hit]:
            found[hit].append(definition)
    return found


async def _dependents(
    database: Queryable, rows: Sequence[asyncpg.Record]
) -> dict[tuple[int, str], list[str]]:
    places = list(dict.fromkeys((row["realm_id"], row["path"]) for row in rows))
    found: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for realm_id, path, dependent in await database.fetch(
        query("select_related_dependents"),
        [realm_id for realm_id, _ in places],
        [path for _, path in places],
        MOST_DEPENDENTS,
    ):
        found[realm_id, path].append(dependent)
    return found


def used_name(use: str) -> tuple[str, str]:
    """Key and name of a use as chunks list it: `key#name signature`; no name for a whole file."""
    # A key may hold a `#` and a signature as well, a name neither that nor a bracket.
    head = use.partition("(")[0].partition(" ")[0] if "#" in use.partition(" ")[0] else use
    key, _, name = head.rpartition("#")
    return key, name.partition(" ")[0].rstrip(":=,")
