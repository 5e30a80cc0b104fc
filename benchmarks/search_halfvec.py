"""What do half precision vectors save, and what do they lose, on real text?

    python -m benchmarks.search_halfvec --source FOLDER [--json FILE]

The folder is indexed as any is and its chunks embedded again in single precision. Each pair of
column and index holds the same vectors; recall at ten is against an exact search in single
precision by numpy. Questions are first sentences of docstrings.
"""

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import asyncpg
import numpy as np
from pgvector import HalfVector, Vector

from benchmarks.results import Panel, Result, add_options, figures, publish, question
from benchmarks.search_documents import collected
from benchmarks.search_index import Index, indexed
from benchmarks.search_quality import server
from engine.chunk_text import embedded_text
from engine.embedders import Vectors, open_embedder
from engine.index.database import Connection, open_database

EF_SEARCH = 200
BATCH = 4_000
PAIRS = (("vector", "vector"), ("vector", "halfvec"), ("halfvec", "halfvec"))


@dataclass(frozen=True, slots=True)
class Row:
    """One pair of column and index. MiB, milliseconds at the median, recall at ten."""

    column: str
    index: str
    table_mib: float
    index_mib: float
    exact_ms: float
    index_ms: float
    exact_recall: float
    index_recall: float


@dataclass(frozen=True, slots=True)
class Bench:
    connection: Connection
    dimension: int
    asked: Vectors
    nearest: Sequence[set[int]]

    async def measured(self, column: str, index: str) -> Row:
        cast = f"embedding::{index}({self.dimension})"
        exact = await self.search(f"SELECT id FROM {column}s ORDER BY embedding <=> $1 LIMIT 10")
        await self.connection.execute(
            f"CREATE INDEX near ON {column}s USING hnsw (({cast}) {index}_cosine_ops)",
            timeout=3_600,
        )
        near = await self.search(f"SELECT id FROM {column}s ORDER BY {cast} <=> $1 LIMIT 10", index)
        sizes = await self.connection.fetchrow(
            f"SELECT pg_table_size('{column}s') / 1048576.0, pg_relation_size('near') / 1048576.0"
        )
        assert sizes is not None
        await self.connection.execute("DROP INDEX near")
        table_mib, index_mib = map(float, sizes)
        return Row(column, index, table_mib, index_mib, exact[0], near[0], exact[1], near[1])

    async def search(self, sql: str, kind: str = "") -> tuple[float, float]:
        """Milliseconds and recall."""
        kind = kind or ("halfvec" if "halfvecs" in sql else "vector")
        times, shares = [], []
        for vector, nearest in zip(self.asked, self.nearest, strict=True):
            value = HalfVector(vector) if kind == "halfvec" else Vector(vector)
            began = time.perf_counter()
            rows = await self.connection.fetch(sql, value)
            times.append((time.perf_counter() - began) * 1_000)
            shares.append(len(nearest & {row["id"] for row in rows}) / len(nearest))
        return statistics.median(times), statistics.mean(shares)


async def embedded(name: str, texts: Sequence[str]) -> Vectors:
    embedder = open_embedder(name)
    batches = [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)]
    vectors: Vectors = np.concatenate([await embedder.embed(batch) for batch in batches])
    return vectors


async def fill(connection: Connection, vectors: Vectors) -> None:
    dimension = vectors.shape[1]
    for column, kind in (("vector", Vector), ("halfvec", HalfVector)):
        await connection.execute(
            f"CREATE TABLE {column}s (id integer, embedding {column}({dimension}))"
        )
        await connection.copy_records_to_table(
            f"{column}s", records=[(at, kind(vector)) for at, vector in enumerate(vectors)]
        )
        await connection.execute(f"VACUUM ANALYZE {column}s")


async def bench(
    pool: asyncpg.Pool, index: Index, source: Path, questions: int
) -> tuple[int, list[Row]]:
    rows = await pool.fetch(
        "SELECT DISTINCT symbol, text FROM chunks WHERE realm_id = $1", index.realm_id
    )
    vectors = await embedded(index.embedder, [embedded_text(*row) for row in rows])
    sentences = [function.sentence for function in collected(source)]
    random.Random(0).shuffle(sentences)
    asked = await embedded(index.embedder, sentences[:questions])
    nearest = [set(np.argsort(-(vectors @ each), kind="stable")[:10].tolist()) for each in asked]
    async with pool.acquire() as connection:
        await fill(connection, vectors)
        await connection.execute(
            f"SET hnsw.ef_search = {EF_SEARCH}; SET max_parallel_workers_per_gather = 0;"
            " SET maintenance_work_mem = '512MB'"
        )
        run = Bench(connection, vectors.shape[1], asked, nearest)
        return len(vectors), [await run.measured(*pair) for pair in PAIRS]


async def main() -> None:
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--dsn", help="an empty Postgres with pgvector; else the embedded one")
    parser.add_argument("--embedder", default="local")
    parser.add_argument("--questions", type=int, default=300)
    add_options(parser)
    options = parser.parse_args()
    async with (
        server(options.dsn) as address,
        open_database(dsn=address, home=Path()) as database,
    ):
        index = await indexed(address, database.pool, options.source, options.embedder)
        count, rows = await bench(database.pool, index, options.source, options.questions)
    notes = [f"{count:,} vectors, {options.questions} questions"]
    found = [{"pair": f"{row.column}, {row.index}", **each}
             for row, each in zip(rows, figures(rows), strict=True)]  # fmt: skip
    panels = [
        Panel(title=title, rows=found, x="pair", y=y, kind="bars")
        for title, y in (
            ("MiB of the index", "index_mib"),
            ("milliseconds by the index", "index_ms"),
            ("milliseconds by every row", "exact_ms"),
            ("recall at ten by the index", "index_recall"),
        )
    ]
    publish(
        Result(
            name="search_halfvec", question=question(__doc__), rows=found, panels=panels,
            notes=notes,
        ),
        options,
    )  # fmt: skip


if __name__ == "__main__":
    anyio.run(main)
