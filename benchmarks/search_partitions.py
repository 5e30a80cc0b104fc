"""What would chunks gain that are partitioned by the hash of their realm?

    python -m benchmarks.search_partitions
    python -m benchmarks.search_partitions --rows 1000000 --partitions 16

Raw SQL and generated vectors, not the product's schema: a table with one HNSW index beside a table
with one for each partition. Milliseconds for the ten nearest, by the index, and recall beside all
rows. A million rows take about twelve minutes.
"""

import argparse
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import asyncpg
import numpy as np
from pgvector import HalfVector
from pgvector.asyncpg import register_vector

from benchmarks.generated_chunks import Collection, generate, questions
from benchmarks.results import Result, Row, add_options, publish, question
from engine.index.database import Connection
from engine.index.embedded import embedded_postgres

DIMENSION: Final = 256
REALMS: Final = 1_000
ASKED: Final = 40
# By size: the largest realm, the third, ...
REALM_RANKS: Final = (0, 2, 10, 100)
BATCH: Final = 5_000
ADDED: Final = 2_000

SESSION: Final = (
    "SET maintenance_work_mem = '2GB'",
    "SET synchronous_commit = off",
    "SET hnsw.ef_search = 100",
    "SET hnsw.iterative_scan = relaxed_order",
    "SET hnsw.max_scan_tuples = 20000",
    # So that it is the index of the vectors that is asked.
    "SET enable_seqscan = off",
)


@dataclass(frozen=True, slots=True)
class Table:
    """`parts` are where the rows are: itself, or its partitions."""

    name: str
    parts: tuple[str, ...]


async def made(connection: Connection, partitions: int) -> tuple[Table, Table]:
    columns = "(id bigint, realm int NOT NULL, embedding halfvec(256))"
    await connection.execute(f"CREATE TABLE one {columns}")
    await connection.execute(f"CREATE TABLE many {columns} PARTITION BY HASH (realm)")
    for number in range(partitions):
        await connection.execute(
            f"CREATE TABLE many{number} PARTITION OF many"
            f" FOR VALUES WITH (MODULUS {partitions}, REMAINDER {number})"
        )
    return Table("one", ("one",)), Table("many", tuple(f"many{n}" for n in range(partitions)))


async def copied(
    connection: Connection, table: Table, collection: Collection, rows: Sequence[int], first: int
) -> float:
    """Seconds; the ids are those of the rows, from `first` on."""
    began = time.perf_counter()
    for start in range(0, len(rows), BATCH):
        records = [
            (first + row, int(collection.realm[row]), HalfVector(collection.vectors[row]))
            for row in rows[start : start + BATCH]
        ]
        await connection.copy_records_to_table(table.name, records=records)
    return time.perf_counter() - began


async def built(connection: Connection, table: Table) -> tuple[list[float], list[int]]:
    """Seconds and bytes of each index."""
    seconds, sizes = [], []
    for part in table.parts:
        began = time.perf_counter()
        await connection.execute(
            f"CREATE INDEX {part}_hnsw ON {part} USING hnsw (embedding halfvec_cosine_ops)"
        )
        seconds.append(time.perf_counter() - began)
        sizes.append(await connection.fetchval(f"SELECT pg_relation_size('{part}_hnsw')"))
    return seconds, sizes


async def asked(
    connection: Connection, table: Table, collection: Collection, realm: int | None
) -> Row:
    rows = np.arange(len(collection))
    rows = rows if realm is None else np.flatnonzero(collection.realm == realm)
    where = "" if realm is None else f"WHERE realm = {realm}"
    statement = f"SELECT id FROM {table.name} {where} ORDER BY embedding <=> $1 LIMIT 10"
    within = Collection(**{**_fields(collection), "vectors": collection.vectors[rows]})
    took, hits = [], []
    for vector in questions(within, ASKED):
        nearest = rows[np.argsort(-(within.vectors @ vector))[:10]]
        began = time.perf_counter()
        found = await connection.fetch(statement, HalfVector(vector))
        took.append((time.perf_counter() - began) * 1_000)
        hits.append(len({row["id"] for row in found} & set(nearest.tolist())) / len(nearest))
    p50, p95 = np.percentile(took, (50, 95))
    return {"ms_p50": float(p50), "ms_p95": float(p95), "recall": float(np.mean(hits))}


def _fields(collection: Collection) -> dict[str, object]:
    return {name: getattr(collection, name) for name in Collection.__slots__}


async def measured(
    connection: Connection, collection: Collection, partitions: int
) -> AsyncIterator[Row]:
    sizes = np.bincount(collection.realm, minlength=REALMS)
    realms = [int(np.argsort(-sizes)[rank]) for rank in REALM_RANKS]
    rows = range(len(collection))
    for table in await made(connection, partitions):
        parts = len(table.parts)
        seconds = await copied(connection, table, collection, rows, 0)
        yield {"parts": parts, "what": "copy", "seconds": seconds}
        times, bytes_ = await built(connection, table)
        yield {
            "parts": parts, "what": "build", "seconds": sum(times), "longest": max(times),
            "mib": sum(bytes_) >> 20, "largest_mib": max(bytes_) >> 20,
        }  # fmt: skip
        await connection.execute(f"ANALYZE {table.name}")
        for realm in (None, *realms):
            what = "all realms" if realm is None else f"a realm of {sizes[realm]}"
            found = await asked(connection, table, collection, realm)
            yield {"parts": parts, "what": what, **found}
        added = await copied(connection, table, collection, range(ADDED), len(collection))
        yield {"parts": parts, "what": "a row more", "ms_p50": added * 1_000 / ADDED}


async def measure(options: argparse.Namespace) -> Result:
    collection = generate(options.rows, DIMENSION, realms=REALMS, unfinished=0.0)
    with tempfile.TemporaryDirectory(prefix="widthwise-bench-") as home:
        async with embedded_postgres(Path(home)) as dsn:
            connection = await asyncpg.connect(dsn)
            await connection.execute("CREATE EXTENSION vector")
            await register_vector(connection)
            for statement in SESSION:
                await connection.execute(statement)
            rows = []
            async for row in measured(connection, collection, options.partitions):
                print(dict(row), flush=True)
                rows.append(row)
            await connection.close()
    return Result(name="search_partitions", question=question(__doc__), rows=rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--partitions", type=int, default=16)
    add_options(parser)
    options = parser.parse_args()
    publish(anyio.run(measure, options), options)


if __name__ == "__main__":
    main()
