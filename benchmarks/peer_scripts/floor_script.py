"""A straight line: look, read, cut, embed, copy. Knows no definitions, retries or readers."""

import os
from collections.abc import Iterator
from typing import Any

import anyio
import asyncpg
import numpy as np
from trial import Trial, chunks, paths, read

TABLES = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS files (
    path text PRIMARY KEY, size bigint, mtime_ns bigint, inode bigint
);
CREATE TABLE IF NOT EXISTS chunks (path text, ordinal integer, text text, embedding halfvec);
CREATE INDEX IF NOT EXISTS chunks_path ON chunks (path);
"""

State = tuple[int, int, int]


async def main(trial: Trial) -> None:
    connection = await asyncpg.connect(trial.dsn)
    await connection.execute(TABLES)
    await connection.set_type_codec(
        "halfvec", encoder=bytes, decoder=bytes, schema="public", format="binary"
    )
    async for _ in trial.turns():
        rows = await connection.fetch("SELECT path, size, mtime_ns, inode FROM files")
        known = {path: (size, mtime_ns, inode) for path, size, mtime_ns, inode in rows}
        found = {entry.path: _state(entry) for entry in paths(str(trial.tree))}
        changed = [path for path, state in found.items() if known.get(path) != state]
        replaced = [*(known.keys() - found.keys()), *(known.keys() & set(changed))]
        if changed or replaced:
            cut = [
                (path, ordinal, text)
                for path in changed
                for ordinal, text in enumerate(chunks(read(path)))
            ]
            vectors = await trial.many([text for _, _, text in cut])
            async with connection.transaction():
                if replaced:
                    await connection.execute("DELETE FROM files WHERE path = ANY ($1)", replaced)
                    await connection.execute("DELETE FROM chunks WHERE path = ANY ($1)", replaced)
                await connection.copy_records_to_table(
                    "files", records=[(path, *found[path]) for path in changed]
                )
                await connection.copy_records_to_table("chunks", records=_records(cut, vectors))
    await connection.close()


def _state(entry: os.DirEntry[str]) -> State:
    stat = entry.stat(follow_symlinks=False)
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def _records(cut: list[tuple[str, int, str]], vectors: Any) -> Iterator[tuple[Any, ...]]:
    """The binary form of a halfvec: how many numbers, two bytes unused, the numbers."""
    halves = np.asarray(vectors).astype(">f2")
    head = halves.shape[1].to_bytes(2, "big") + b"\0\0"
    for row, half in zip(cut, halves, strict=True):
        yield *row, head + half.tobytes()


if __name__ == "__main__":
    anyio.run(main, Trial.from_arguments())
