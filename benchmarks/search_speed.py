"""How long does a search take, and what does the index of vectors cost and lose?

    python -m benchmarks.search_speed [--rows 20000 200000] [--home DIR] [--json FILE]
    python -m benchmarks.search_speed --rows 200000 --partitions 16

Generated chunks of 256 dimensions. `exact` compares every row that passes, `index` asks the
HNSW index, each by the engine's own search; recall is against exact in single precision.
`--home` keeps what was loaded and built, so that the next run only asks: with `--questions 0`
first, two million rows are measured in minutes on another day. With `--partitions` the chunks are
then moved into so many, and all is measured again, and back.
"""

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import numpy as np

from benchmarks.generated_chunks import Collection, Vectors, fill, generate, last_version, questions
from benchmarks.results import Panel, Result, add_options, figures, publish, question
from engine.index.database import Database, open_database
from engine.index.partitioning import partition
from engine.index.question import Questions
from engine.index.search import register_embedder, search
from engine.index.search_costs import EXACT_CHUNKS
from engine.index.search_filter import SearchFilter
from engine.index.search_statement import Ranking
from engine.index.vector_index import tend_vector_indexes

log = logging.getLogger("widthwise.benchmarks")

DIMENSION = 256
REALMS = 10
QUESTIONS = 60
CLIENTS = 8
LOAD_MIB = 512
MOST_EXACT = 10**12
NO_WORDS = "what is the"
HYBRID = "word1 word7 word350 word4321"

# More than these compare every row for so long that a few questions tell as much.
MANY_ROWS = 500_000
FEW_QUESTIONS = 5

KINDS_OF_QUESTION = {
    "vector": NO_WORDS,
    "no such word": "word4321",
    "rare word": "word350",
    "common word": "word1",
    "hybrid": HYBRID,
}
FILTERS = {
    "realm r0": SearchFilter(realms=["r0"]),
    "realm r9": SearchFilter(realms=["r9"]),
    "tenant": SearchFilter(tenants=["b"]),
    "path": SearchFilter(path="src/package3/**"),
    "language": SearchFilter(language="go"),
    "kind": SearchFilter(kinds=["text"]),
}

# What defines something, or is a test, is no nearer: recall is about vectors.
NEAREST = Ranking(tests=1.0, definitions=0.0)


@dataclass(frozen=True, slots=True)
class FixedEmbedder:
    """Answers with one vector, at no cost."""

    vector: Vectors
    dimension: int = DIMENSION
    fingerprint: str = "fixed"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.repeat(self.vector[None], len(texts), axis=0)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Milliseconds, searches a second with 8 clients, recall at ten."""

    rows: int
    case: str
    way: str
    p50: float
    p95: float
    per_second: float
    recall: float | None


@dataclass(frozen=True, slots=True)
class Bench:
    database: Database
    collection: Collection
    asked: Vectors
    embedder_id: int
    partitions: int = 1

    async def measured(self) -> list[Row]:
        """By every row first: an index that is there already is not asked then."""
        few = len(self.collection) > MANY_ROWS
        exactly = replace(self, asked=self.asked[:FEW_QUESTIONS]) if few else self
        everything = SearchFilter()
        return [
            await exactly.measure("vector", NO_WORDS, everything, exact=True),
            await exactly.measure("hybrid", HYBRID, everything, exact=True),
            *[
                await self.measure(case, text, everything, exact=False)
                for case, text in KINDS_OF_QUESTION.items()
            ],
            *[
                await self.measure(case, HYBRID, wanted, exact=False)
                for case, wanted in FILTERS.items()
            ],
        ]

    async def measure(self, case: str, text: str, wanted: SearchFilter, *, exact: bool) -> Row:
        for vector in self.asked[:3]:
            await self.search(vector, text, wanted, exact=exact)
        times, found = [], []
        for vector in self.asked:
            began = time.perf_counter()
            found.append(await self.search(vector, text, wanted, exact=exact))
            times.append((time.perf_counter() - began) * 1_000)
        everything = text == NO_WORDS and wanted == SearchFilter()
        return Row(
            len(self.collection),
            case,
            ("exact" if exact else "index") + self.layout,
            statistics.median(times),
            statistics.quantiles(times, n=20)[-1],
            await self.throughput(text, wanted, exact=exact),
            self.recall(found) if everything else None,
        )

    async def search(
        self, vector: Vectors, text: str, wanted: SearchFilter, *, exact: bool
    ) -> set[tuple[str, int]]:
        page = await search(
            self.database.pool,
            Questions(FixedEmbedder(vector), self.embedder_id),
            text,
            ranking=NEAREST,
            wanted=wanted,
            limit=10,
            exact_chunks=MOST_EXACT if exact else EXACT_CHUNKS,
        )
        return {(hit.path, hit.start_line) for hit in page.hits}

    @property
    def layout(self) -> str:
        return "" if self.partitions == 1 else f", {self.partitions} parts"

    async def throughput(self, text: str, wanted: SearchFilter, *, exact: bool) -> float:
        vectors = list(self.asked)

        async def ask() -> None:
            while vectors:
                await self.search(vectors.pop(), text, wanted, exact=exact)

        began = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for _ in range(CLIENTS):
                tasks.start_soon(ask)
        return len(self.asked) / (time.perf_counter() - began)

    def recall(self, found: Sequence[set[tuple[str, int]]]) -> float:
        shares = []
        for vector, places in zip(self.asked, found, strict=True):
            nearest = self.nearest(vector)
            best = {(self.collection.path(row), self.collection.start_line(row)) for row in nearest}
            shares.append(len(best & places) / len(best))
        return statistics.mean(shares)

    def nearest(self, vector: Vectors) -> list[int]:
        similarity = self.collection.vectors @ vector
        similarity[~self.collection.live] = -2
        return list(np.argsort(-similarity, kind="stable")[:10])


async def bench(rows: int, asked: int, home: Path, partitions: int) -> list[Row]:
    collection = generate(rows, DIMENSION, realms=REALMS)
    vectors = questions(collection, asked)
    async with open_database(dsn="", home=home, connections=CLIENTS) as database:
        embedder_id = await register_embedder(
            database.pool, FixedEmbedder(np.zeros(DIMENSION, np.float32))
        )
        await _load(database, collection, embedder_id)
        await _build(database)
        if not asked:
            return []
        one = Bench(database, collection, vectors, embedder_id)
        found = await one.measured()
        if partitions > 1:
            await _move(database, partitions)
            found += await replace(one, partitions=partitions).measured()
            await _move(database, 1)
        return found


async def _load(database: Database, collection: Collection, embedder_id: int) -> None:
    """Nothing if all of it is there. What a killed run left has no entries, and is refused."""
    if await database.pool.fetchval("SELECT EXISTS (SELECT FROM chunks)"):
        files = await database.pool.fetchval("SELECT max(version) FROM entries")
        if files != last_version(collection):
            raise SystemExit("the home holds something else, or what a killed run left")
        return
    began = time.perf_counter()
    async with database.pool.acquire() as connection:
        await connection.execute(f"SET maintenance_work_mem = '{LOAD_MIB}MB'")
        await fill(connection, collection, embedder_id=embedder_id, realms=REALMS)
    size = await database.pool.fetchval("SELECT pg_total_relation_size('chunks')")
    print(
        f"{len(collection):,} rows: loaded in {time.perf_counter() - began:.0f} s,"
        f" {size / 2**20:,.0f} MiB",
        flush=True,
    )


async def _build(database: Database) -> None:
    began = time.perf_counter()
    built = await tend_vector_indexes(database.dsn)
    seconds = time.perf_counter() - began
    for name, step in built:
        size = await database.pool.fetchval("SELECT pg_relation_size($1::regclass)", name)
        print(f"{name}: {step} in {seconds:.1f} s, {size / 2**20:,.0f} MiB", flush=True)


async def _move(database: Database, partitions: int) -> None:
    began = time.perf_counter()
    await partition(database.dsn, partitions, tell=log.info)
    seconds = time.perf_counter() - began
    print(f"moved into {partitions} parts in {seconds:.0f} s", flush=True)


@contextmanager
def _kept(home: Path | None, rows: int) -> Iterator[Path]:
    """The folder of this size, or one for the moment."""
    if home is not None:
        yield home / str(rows)
        return
    with tempfile.TemporaryDirectory(prefix="widthwise-bench-") as passing:
        yield Path(passing)


def result(rows: Sequence[Row]) -> Result:
    found = figures(rows)
    drawn = [
        {**each, "case": f"{row.case}, every row" if row.way == "exact" else row.case,
         "chunks": f"{row.rows:,} chunks"}
        for row, each in zip(rows, found, strict=True)
        if "parts" not in row.way
    ]  # fmt: skip
    panels = [
        Panel(title=title, rows=drawn, x="case", y=y, series="chunks", kind="bars", log_y=True)
        for title, y in (
            ("milliseconds at the median", "p50"),
            (f"searches a second, {CLIENTS} clients", "per_second"),
        )
    ]
    return Result(name="search_speed", question=question(__doc__), rows=found, panels=panels)


async def main() -> None:
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="0: load and build only")
    parser.add_argument("--partitions", type=int, default=1, help="measure these as well")
    parser.add_argument("--home", type=Path, help="keep what was loaded and built in this folder")
    add_options(parser)
    options = parser.parse_args()
    tables = []
    for rows in options.rows:
        with _kept(options.home, rows) as home:
            tables += await bench(rows, options.questions, home, options.partitions)
    if tables:
        publish(result(tables), options)


if __name__ == "__main__":
    anyio.run(main)
