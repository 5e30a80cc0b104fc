"""What would chunks gain that are partitioned by the hash of their realm?

    python -m benchmarks.search_partitions
    python -m benchmarks.search_partitions --rows 1000000 --partitions 16
    python -m benchmarks.search_partitions --rows 10000000 --home /var/tmp --json ten.json

Raw SQL and generated vectors, not the product's schema: a table with one HNSW index beside a table
with one for each partition. Milliseconds for the ten nearest, by the index, and recall beside all
rows. `ef` says how many candidates an index keeps; `side by side` asks each partition by itself,
over as many sessions as there are processors, and merges. A million rows take about twelve
minutes, ten million an hour or two; the one table is made up to two million (`--one-table-rows`),
since its graph would not fit into memory. Each figure is printed as it comes, and `--json` has
what there is after each, so that a run which is cut short tells something.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import asyncpg
import numpy as np
from pgvector import HalfVector
from pgvector.asyncpg import register_vector

from benchmarks.results import Result, Row, add_options, as_json, publish, question
from benchmarks.streamed_vectors import BLOCK, NEAREST, Asked, Stream, copied_bytes, framed, stream
from benchmarks.streamed_vectors import asked as asked_of
from engine.index.database import Connection
from engine.index.embedded import embedded_postgres

REALMS: Final = 1_000
ASKED: Final = 40
# By size: the largest realm, the third, ...
REALM_RANKS: Final = (0, 2, 10, 100)
ADDED: Final = 2_000
EF: Final = (100, 25)
# A row with its header, and its share of an index; measured.
ROW_BYTES: Final = 600
INDEX_BYTES: Final = 850
# Of the graph while it is built; measured.
BUILD_BYTES: Final = 1_217
LOG_BYTES: Final = 3 << 30
SPARE_BYTES: Final = 2 << 30
LOADED_EVERY: Final = 1_000_000
BUILD_SECONDS: Final = 12 * 3_600

SESSION: Final = (
    "SET synchronous_commit = off",
    "SET hnsw.iterative_scan = relaxed_order",
    "SET hnsw.max_scan_tuples = 20000",
    # So that it is the index of the vectors that is asked.
    "SET enable_seqscan = off",
)

Search = Callable[[HalfVector], Awaitable[set[int]]]


@dataclass(frozen=True, slots=True)
class Table:
    """`parts` are where the rows are: itself, or its partitions."""

    name: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """`sessions` are one for each processor; the first does whatever needs one alone."""

    sessions: Sequence[Connection]
    source: Stream
    questions: Sequence[Asked]

    @property
    def connection(self) -> Connection:
        return self.sessions[0]

    async def measured(self, table: Table, *, learn: bool) -> AsyncIterator[Row]:
        """Rows of the result; with `learn` the true answers are found while the rows go in."""
        parts = len(table.parts)
        began = time.perf_counter()
        await self.load(table, learn=learn)
        yield {"parts": parts, "what": "copy", "seconds": time.perf_counter() - began}
        times, bytes_ = await self.built(table)
        yield {
            "parts": parts, "what": "build", "seconds": sum(times), "longest": max(times),
            "mib": sum(bytes_) >> 20, "largest_mib": max(bytes_) >> 20,
        }  # fmt: skip
        await self.connection.execute(f"ANALYZE {table.name}", timeout=BUILD_SECONDS)
        sizes = np.bincount(self.source.realm)
        for asked in self.questions:
            what = "all realms" if asked.realm is None else f"a realm of {sizes[asked.realm]}"
            for ef in EF if asked.realm is None else EF[:1]:
                await self.keep_candidates(ef)
                found = await timed(asked, partial(self.ten, table, asked))
                yield {"parts": parts, "what": what, "ef": ef, **found}
                if asked.realm is None and parts > 1:
                    found = await timed(asked, partial(self.side_by_side, table))
                    yield {"parts": parts, "what": "all, side by side", "ef": ef, **found}
        seconds = await self.added(table)
        yield {"parts": parts, "what": "a row more", "ms_p50": seconds * 1_000 / ADDED}

    async def keep_candidates(self, ef: int) -> None:
        for session in self.sessions:
            await session.execute(f"SET hnsw.ef_search = {ef}")

    async def load(self, table: Table, *, learn: bool) -> None:
        began = time.perf_counter()
        for rows, vectors in self.source.blocks():
            await self.copy(table, copied_bytes(self.source, rows, vectors, first_id=0))
            if learn:
                for asked in self.questions:
                    asked.see(rows, vectors, self.source.realm)
            if (done := int(rows[-1]) + 1) % LOADED_EVERY < BLOCK:
                progress(f"{table.name}: {done:,} rows", began)

    async def added(self, table: Table) -> float:
        """Seconds to copy some rows more, with the index in place."""
        rows, vectors = next(self.source.blocks())
        first = copied_bytes(self.source, rows[:ADDED], vectors[:ADDED], first_id=len(self.source))
        began = time.perf_counter()
        await self.copy(table, first)
        return time.perf_counter() - began

    async def copy(self, table: Table, rows: bytes) -> None:
        async def source() -> AsyncIterator[bytes]:
            yield framed(rows)

        await self.connection.copy_to_table(table.name, source=source(), format="binary")

    async def built(self, table: Table) -> tuple[list[float], list[int]]:
        """Seconds and bytes of each index."""
        seconds, sizes = [], []
        for part in table.parts:
            rows = await self.connection.fetchval(f"SELECT count(*) FROM {part}")
            memory = min(max(64, rows * BUILD_BYTES >> 20), 6_144)
            await self.connection.execute(f"SET maintenance_work_mem = '{memory}MB'")
            began = time.perf_counter()
            await self.connection.execute(
                f"CREATE INDEX {part}_hnsw ON {part} USING hnsw (embedding halfvec_cosine_ops)",
                timeout=BUILD_SECONDS,
            )
            seconds.append(time.perf_counter() - began)
            sizes.append(await self.connection.fetchval(f"SELECT pg_relation_size('{part}_hnsw')"))
            progress(f"{part}: index over {rows:,} rows, {sizes[-1] >> 20} MiB", began)
        return seconds, sizes

    async def ten(self, table: Table, asked: Asked, vector: HalfVector) -> set[int]:
        where = "" if asked.realm is None else f"WHERE realm = {asked.realm}"
        found = await self.connection.fetch(
            f"SELECT id FROM {table.name} {where} ORDER BY embedding <=> $1 LIMIT {NEAREST}", vector
        )
        return {row["id"] for row in found}

    async def side_by_side(self, table: Table, vector: HalfVector) -> set[int]:
        waiting = list(table.parts)
        found: list[tuple[float, int]] = []

        async def ask(session: Connection) -> None:
            while waiting:
                rows = await session.fetch(
                    f"SELECT embedding <=> $1 AS distance, id FROM {waiting.pop()}"
                    f" ORDER BY embedding <=> $1 LIMIT {NEAREST}",
                    vector,
                )
                found.extend((row["distance"], row["id"]) for row in rows)

        async with anyio.create_task_group() as group:
            for session in self.sessions:
                group.start_soon(ask, session)
        return {row for _, row in sorted(found)[:NEAREST]}


async def timed(asked: Asked, search: Search) -> Row:
    took, hits = [], []
    for vector, nearest in zip(asked.vectors, asked.nearest, strict=True):
        true = {int(row) for row in nearest if row >= 0}
        began = time.perf_counter()
        found = await search(HalfVector(vector))
        took.append((time.perf_counter() - began) * 1_000)
        hits.append(len(found & true) / len(true))
    p50, p95 = np.percentile(took, (50, 95))
    return {"ms_p50": float(p50), "ms_p95": float(p95), "recall": float(np.mean(hits))}


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


def progress(what: str, began: float) -> None:
    print(f"{what}, {time.perf_counter() - began:.0f} s", flush=True)


def needed_bytes(rows: int, tables: int) -> int:
    return tables * rows * (ROW_BYTES + INDEX_BYTES) + LOG_BYTES


def room(folder: Path, rows: int, tables: int) -> None:
    """Refuses what the disk can't hold, before anything is written."""
    needed, free = needed_bytes(rows, tables), shutil.disk_usage(folder).free
    print(f"needs {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB that are free", flush=True)
    if needed + SPARE_BYTES > free:
        raise SystemExit(f"{folder}: not enough room; --home names another place")


async def opened(dsn: str) -> Sequence[Connection]:
    sessions = []
    for _ in range(os.cpu_count() or 1):
        session = await asyncpg.connect(dsn)
        await session.execute("CREATE EXTENSION IF NOT EXISTS vector")
        await register_vector(session)
        for statement in SESSION:
            await session.execute(statement)
        sessions.append(session)
    return sessions


def questions_of(source: Stream) -> list[Asked]:
    by_size = np.argsort(-np.bincount(source.realm, minlength=REALMS), kind="stable")
    realms = [None, *(int(by_size[rank]) for rank in REALM_RANKS)]
    return [asked_of(source, realm, ASKED) for realm in realms]


async def measure(options: argparse.Namespace) -> Result:
    alone = options.rows > options.one_table_rows
    room(options.home, options.rows, 1 if alone else 2)
    began = time.perf_counter()
    source = stream(options.rows, realms=REALMS)
    questions = questions_of(source)
    progress("questions", began)
    rows: list[Row] = []
    result = Result(name="search_partitions", question=question(__doc__), rows=rows)
    with tempfile.TemporaryDirectory(prefix="widthwise-bench-", dir=options.home) as home:
        async with embedded_postgres(Path(home)) as dsn:
            bench = Bench(await opened(dsn), source, questions)
            one, many = await made(bench.connection, options.partitions)
            for number, table in enumerate((many,) if alone else (many, one)):
                async for row in bench.measured(table, learn=not number):
                    print(dict(row), flush=True)
                    rows.append(row)
                    if options.json:
                        options.json.write_text(as_json(result))
            for session in bench.sessions:
                await session.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--partitions", type=int, default=16)
    parser.add_argument(
        "--one-table-rows", type=int, default=2_000_000, metavar="N",
        help="with more rows than these there is no table of one index beside the partitions",
    )  # fmt: skip
    parser.add_argument(
        "--home", type=Path, default=Path(tempfile.gettempdir()), help="where the database goes"
    )
    add_options(parser)
    options = parser.parse_args()
    publish(anyio.run(measure, options), options)


if __name__ == "__main__":
    main()
