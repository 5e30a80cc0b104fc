"""What every test of a fault asks at its end: is the index what a fresh one would be?"""

from pathlib import Path

import asyncpg
from pass_oracle import Row, difference, fresh_rows, left_behind, live

from engine import Engine, Folder, PassReport

REALM = "r"


async def rows_of(
    connection: "asyncpg.Connection[asyncpg.Record]", realm: str = REALM
) -> dict[str, Row]:
    return (await live(connection, realm)).rows


async def recovered(
    connection: "asyncpg.Connection[asyncpg.Record]",
    engine: Engine,
    root: Path,
    realm: str = REALM,
) -> PassReport:
    """The next pass, after which nothing tells of the fault."""
    report = await (await engine.index(realm)).finished()
    ours = await rows_of(connection, realm)
    found = difference(ours, await fresh_rows(connection, engine, Folder(root)))
    assert not found, "\n".join(found)
    assert await left_behind(connection) == (0, 0, 0)
    return report


def version_tree(number: int, count: int) -> dict[str, str]:
    """Files that all say which version they are of and refer to each other in short chains."""
    return {
        f"m{n}.py": f"import m{n // 3}\n\n\ndef of_{n}(version_{number}):\n"
        f'    """version {number} of file {n}"""\n    return m{n // 3}.of_{n // 3}\n'
        for n in range(count)
    }


VERSIONS = """
SELECT array_agg(DISTINCT (regexp_match(text, 'version_(\\d+)'))[1]::int) AS versions,
    count(DISTINCT entries.key) AS files
FROM chunks
JOIN entries USING (version)
JOIN realms ON realms.id = entries.realm_id
WHERE realms.name = $1 AND text LIKE '%version\\_%'
"""


async def versions_seen(
    connection: "asyncpg.Connection[asyncpg.Record]", realm: str
) -> tuple[tuple[int, ...], int]:
    """The versions that a reader finds in one look, and in how many files."""
    row = await connection.fetchrow(VERSIONS, realm)
    assert row is not None
    return tuple(row["versions"] or ()), row["files"]
