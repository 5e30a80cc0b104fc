"""Trees on disk, and the rows of a realm as readers see them."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import asyncpg

from engine import Engine

OpenEngine = Callable[..., AbstractAsyncContextManager[Engine]]

# All that a reader can see and a second way of getting there must equal. Versions,
# generations and stamps tell when and how often, not what.
ROWS = """
SELECT entries.key, encode(content_hash, 'hex') AS content_hash, size, language,
    definition_fingerprint, dependencies, probes, diagnostics, skipped, error, chunk_count,
    document::text AS document,
    (
        SELECT coalesce(json_agg(piece ORDER BY ordinal), '[]')
        FROM (
            SELECT ordinal, start_line, end_line, symbol, kind, uses, text, text_hash,
                terms::text AS terms, embedding::text AS embedding, embedder_id
            FROM chunks
            WHERE chunks.version = entries.version
        ) AS piece
    ) AS chunks
FROM entries
JOIN realms ON realms.id = entries.realm_id
WHERE realms.name = $1
ORDER BY entries.key
"""


async def live_rows(dsn: str, realm: str) -> list[dict[str, Any]]:
    """The realm's live rows as plain values, in key order."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(ROWS, realm)
    finally:
        await connection.close()
    return [{**row, "chunks": json.loads(row["chunks"])} for row in rows]


def write_tree(root: Path, files: Mapping[str, str | bytes | None]) -> Path:
    """Write or, for `None`, remove files below `root`."""
    for key, content in files.items():
        path = root / key
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root
