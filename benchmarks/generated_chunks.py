"""Fills an index with generated chunks: clustered vectors, words by Zipf's law, skewed realms.

What is near each other tends to stand in one realm and one folder, as in real code, so that
a filter and a question can pull apart.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from engine.index.database import Connection
from engine.index.terms import encode_tsvector

CHUNKS_PER_FILE: Final = 10
TEXTS: Final = 2_000
WORDS: Final = 5_000
BATCH: Final = 5_000
INDEX_SECONDS: Final = 3_600
KINDS: Final = ("function", "method", "class", "text")
LANGUAGES: Final = ("python", "typescript", "go")
FOLDERS: Final = 20
CARD: Final = '{"types": ["Person", "Card"], "classes": [], "attributes": {"age": 30}}'

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Collection:
    """What was generated: row by row its vector and all that a filter can see.

    `version` and `ordinal` name a row; `live` says whether an entry owns it.
    """

    vectors: Vectors
    realm: NDArray[np.int64]
    language: NDArray[np.int64]
    kind: NDArray[np.int64]
    folder: NDArray[np.int64]
    card: NDArray[np.bool_]
    live: NDArray[np.bool_]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.vectors)

    def path(self, row: int) -> str:
        file = row // CHUNKS_PER_FILE
        return f"src/package{self.folder[row]}/file{file}.py"

    def start_line(self, row: int) -> int:
        return row % CHUNKS_PER_FILE * 10 + 1


def generate(
    rows: int, dimension: int, *, realms: int = 10, unfinished: float = 0.05, seed: int = 1
) -> Collection:
    """`unfinished` is the share of files that belong to passes which have not swapped."""
    chance = np.random.default_rng(seed)
    files = -(-rows // CHUNKS_PER_FILE)
    clusters = max(20, int(rows**0.5))
    centres = _unit(chance.standard_normal((clusters, dimension), dtype=np.float32))
    sizes = 1.0 / np.arange(1, realms + 1)
    realm_of_cluster = chance.choice(realms, clusters, p=sizes / sizes.sum())
    folder_of_cluster = chance.integers(0, FOLDERS, clusters)
    # A file is about one or two things, and one in ten is not where it belongs.
    theme = chance.integers(0, clusters, files)
    realm = realm_of_cluster[theme]
    astray = chance.random(files) < 0.1
    realm[astray] = chance.integers(0, realms, astray.sum())
    file = np.arange(rows) // CHUNKS_PER_FILE
    cluster = np.where(chance.random(rows) < 0.7, theme[file], chance.integers(0, clusters, rows))
    return Collection(
        _around(centres, cluster, chance),
        realm[file],
        chance.choice(3, files, p=(0.6, 0.3, 0.1))[file],
        chance.choice(4, rows, p=(0.4, 0.4, 0.15, 0.05)),
        folder_of_cluster[theme][file],
        (chance.random(files) < 0.03)[file],
        (chance.random(files) >= unfinished)[file],
        _texts(chance),
    )


def _around(centres: Vectors, cluster: NDArray[np.int64], chance: np.random.Generator) -> Vectors:
    """A vector near the centre of each row's cluster; block by block, for millions of rows."""
    dimension = centres.shape[1]
    vectors = np.empty((len(cluster), dimension), np.float32)
    for first in range(0, len(cluster), BATCH):
        chosen = centres[cluster[first : first + BATCH]]
        noise = chance.standard_normal(chosen.shape, dtype=np.float32)
        vectors[first : first + BATCH] = _unit(chosen + noise * (0.8 / dimension**0.5))
    return vectors


def questions(collection: Collection, count: int, *, seed: int = 2) -> Vectors:
    """Vectors near some of the collection, as questions are that have an answer."""
    chance = np.random.default_rng(seed)
    dimension = collection.vectors.shape[1]
    chosen = collection.vectors[chance.integers(0, len(collection), count)]
    noise = chance.standard_normal((count, dimension), dtype=np.float32)
    return _unit(chosen + noise * (0.6 / dimension**0.5))


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


def _texts(chance: np.random.Generator) -> list[str]:
    drawn = np.minimum(chance.zipf(1.3, (TEXTS, 60)), WORDS)
    return [" ".join(f"word{rank}" for rank in ranks) for ranks in drawn]


def last_version(collection: Collection) -> int:
    """Of the last file that an entry owns."""
    return int(np.flatnonzero(collection.live)[-1]) // CHUNKS_PER_FILE + 1


async def fill(
    connection: Connection, collection: Collection, *, embedder_id: int, realms: int
) -> list[int]:
    """Write it with versions from 1 on; realms `r0`, `r1` and so on, every other of tenant `b`.

    The connection must know the vector type and take `tsvector` in binary form.
    """
    ids = await _insert_realms(connection, realms)
    async with _indexed_afterwards(connection):
        await _copy_chunks(connection, collection, ids, embedder_id)
    await connection.copy_records_to_table(
        "entries", columns=_ENTRY_COLUMNS, records=_entries(collection, ids)
    )
    await connection.execute(
        "SELECT setval('versions', $1)", len(collection) // CHUNKS_PER_FILE + 2
    )
    await connection.execute("ANALYZE")
    return ids


async def _insert_realms(connection: Connection, realms: int) -> list[int]:
    return [
        await connection.fetchval(
            "INSERT INTO realms (name, source, tenant, generation) VALUES ($1, '{}', $2, 1)"
            " RETURNING id",
            f"r{number}",
            "ab"[number % 2],
        )
        for number in range(realms)
    ]


@asynccontextmanager
async def _indexed_afterwards(connection: Connection) -> AsyncIterator[None]:
    """What finds words and hashes is made once all rows are there, which is much quicker."""
    indexes = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'chunks'"
        " AND indexname <> 'chunks_pkey' AND indexname NOT LIKE 'chunks_near%'"
    )
    for row in indexes:
        await connection.execute(f"DROP INDEX {row['indexname']}")
    yield
    for row in indexes:
        await connection.execute(row["indexdef"], timeout=INDEX_SECONDS)


async def _copy_chunks(
    connection: Connection, collection: Collection, ids: list[int], embedder_id: int
) -> None:
    for first in range(0, len(collection), BATCH):
        rows = range(first, min(first + BATCH, len(collection)))
        await connection.copy_records_to_table(
            "chunks",
            columns=_CHUNK_COLUMNS,
            records=_chunks(collection, rows, ids, embedder_id),
        )


def _chunks(
    collection: Collection,
    rows: Sequence[int],
    ids: list[int],
    embedder_id: int,
) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        line, text, symbol = (
            collection.start_line(row),
            collection.texts[row % TEXTS],
            f"symbol{row}",
        )
        yield (
            ids[collection.realm[row]], row // CHUNKS_PER_FILE + 1, row % CHUNKS_PER_FILE,
            line, line + 9, embedder_id, row.to_bytes(8, "big"), symbol,
            KINDS[collection.kind[row]], [], text,
            encode_tsvector(body=text, symbol=symbol, path=collection.path(row)),
            HalfVector(collection.vectors[row]),
        )  # fmt: skip


_CHUNK_COLUMNS: Final = (
    "realm_id", "version", "ordinal", "start_line", "end_line", "embedder_id", "text_hash",
    "symbol", "kind", "uses", "text", "terms", "embedding",
)  # fmt: skip
_ENTRY_COLUMNS: Final = (
    "realm_id", "key", "version", "content_hash", "size", "mtime_ns", "ctime_ns", "inode",
    "listed_at_ns", "language", "definition_fingerprint", "dependencies", "probes",
    "diagnostics", "retry", "chunk_count", "generation", "document",
)  # fmt: skip


def _entries(collection: Collection, ids: list[int]) -> Iterator[tuple[Any, ...]]:
    for row in range(0, len(collection), CHUNKS_PER_FILE):
        if collection.live[row]:
            yield (
                ids[collection.realm[row]], collection.path(row), row // CHUNKS_PER_FILE + 1,
                b"", 1, 1, 1, 1, 1, LANGUAGES[collection.language[row]], "", [], [], [], False,
                min(CHUNKS_PER_FILE, len(collection) - row), 1,
                CARD if collection.card[row] else None,
            )  # fmt: skip
