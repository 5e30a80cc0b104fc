"""Filled databases whose chunks are moved, and what is the same in every layout."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import numpy as np
from numpy.typing import NDArray

from benchmarks.generated_chunks import Collection, fill, generate, questions
from engine.embedders import Vectors
from engine.index.database import Database, open_database
from engine.index.question import Questions
from engine.index.search import register_embedder, search
from engine.index.search_filter import SearchFilter

DIMENSION, REALMS = 16, 12
NO_WORDS = "what is the"

ROWS = "SELECT chunks::text FROM chunks ORDER BY version, ordinal"
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'chunks' ORDER BY indexname
"""

Hits = list[tuple[str, str, int, float]]


@dataclass
class FixedEmbedder:
    """Answers every text with the vector of the moment."""

    vector: NDArray[np.float32]
    fingerprint: str = "fixed"

    @property
    def dimension(self) -> int:
        return len(self.vector)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([self.vector for _ in texts])


@dataclass
class Filled:
    """A database with generated chunks, and questions about them."""

    database: Database
    collection: Collection
    embedder_id: int

    async def hits(
        self, text: str, wanted: SearchFilter, *, question: int = 0, exact_chunks: int = 10**9
    ) -> Hits:
        vector = questions(self.collection, 3)[question]
        page = await search(
            self.database.pool,
            Questions(FixedEmbedder(vector), self.embedder_id),
            text,
            wanted=wanted,
            limit=20,
            exact_chunks=exact_chunks,
        )
        return [(hit.realm, hit.path, hit.start_line, round(hit.score, 6)) for hit in page.hits]

    async def rows(self) -> list[str]:
        return [row[0] for row in await self.database.pool.fetch(ROWS)]

    async def indexes(self) -> list[tuple[str, str]]:
        return [tuple(row) for row in await self.database.pool.fetch(INDEXES)]


@asynccontextmanager
async def filled(dsn: str, rows: int, *, realms: int = REALMS) -> AsyncIterator[Filled]:
    collection = generate(rows, DIMENSION, realms=realms, seed=5)
    async with open_database(dsn=dsn, home=Path()) as database:
        embedder_id = await register_embedder(database.pool, FixedEmbedder(collection.vectors[0]))
        async with database.pool.acquire() as connection:
            await fill(connection, collection, embedder_id=embedder_id, realms=realms)
        yield Filled(database, collection, embedder_id)


async def insert_chunks(
    connection: asyncpg.Connection, realm: int, version: int, table: str = "chunks"
) -> None:
    """Three chunks, as a pass would write them."""
    await connection.execute(
        f"INSERT INTO {table} SELECT $1, $2, ordinal, 1, 2, 1, '\\x00', 's', 'text', '{{}}', 't',"
        " to_tsvector('t'), array_fill(0.5::float4, ARRAY[16])::halfvec"
        " FROM generate_series(0, 2) AS ordinal",
        realm,
        version,
    )
