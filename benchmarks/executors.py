"""What does it cost to visit files on other hosts, and what do more processes gain?

    python -m benchmarks.executors
    python -m benchmarks.executors --tree path/to/django --workers 1 2 4 --runs 3

`calls` does next to nothing: what is left is what a call costs, one by one (16 under way) and in
batches of 64. `pass` indexes a tree from scratch, with the hashed embedder, into an embedded
Postgres, after a smaller one for which the processes start: `here` with one worker process that
parses, and by a Dask cluster on loopback, each of whose workers has one as well. In a `layered`
tree files wait for each other, in a `flat` one none does, and in a `busy` one a visit computes for
20 ms in Python, which is what other processors are for. `overhead_ms` is what a file of the visit
phase takes of a worker beside what it takes here.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from benchmarks.busy_visitor import BusyVisitor
from benchmarks.dask_cluster import dask_cluster
from benchmarks.incremental import generate
from benchmarks.results import Panel, Result, add_options, figures, publish, question
from engine import Engine, Folder, Isolation, PassReport, Settings
from engine.executors import Elsewhere, Executor, Threads, worker_processes
from engine.executors.dask import dask_executor
from engine.index.embedded import embedded_postgres

UNDER_WAY: Final = 64
BATCH: Final = 64
WARM_FILES: Final = 60
BUSY: Final = "busy"


@dataclass(frozen=True, slots=True)
class Row:
    """`each_ms` is what one call, or one file, takes of the whole."""

    what: str
    way: str
    workers: int
    count: int
    seconds: float
    per_second: float
    each_ms: float
    overhead_ms: float | None = None
    times_here: float | None = None


async def measure(options: argparse.Namespace, folder: Path) -> list[Row]:
    trees = {"given": options.tree} if options.tree else _generated(folder, options.files)
    generate(folder / "warm", WARM_FILES)
    rows = [await _calls("threads", 1, _threads, options.calls, under_way=1_000)]
    rows.append(
        await _calls("processes", 1, partial(worker_processes, 1), options.calls, under_way=1_000)
    )
    async with embedded_postgres(folder) as dsn:
        at = partial(_passes, dsn, folder, options.runs)
        here = {name: await at(name, tree, "here", 1, "") for name, tree in trees.items()}
        rows += here.values()
        told = {"WIDTHWISE_DSN": dsn, "WIDTHWISE_EMBEDDER": "hashed"}
        for workers in options.workers:
            with dask_cluster(workers, environment=told) as cluster:
                rows += await _calls_of(cluster.address, workers, options.calls)
                url = cluster.address.replace("tcp://", "dask://")
                for name, tree in trees.items():
                    rows.append(compared(await at(name, tree, "dask", workers, url), here[name]))
    return rows


def _generated(folder: Path, files: int) -> dict[str, Path]:
    generate(folder / "layered", files)
    for name, count in (("flat", files), (BUSY, files // 4)):
        (folder / name).mkdir()
        for number in range(count):
            path = folder / name / f"m{number}.py"
            path.write_text(f"def f{number}(key):\n    return key + {number}\n")
    return {name: folder / name for name in ("layered", "flat", BUSY)}


def compared(row: Row, here: Row) -> Row:
    return replace(
        row,
        overhead_ms=row.each_ms * row.workers - here.each_ms,
        times_here=here.seconds / row.seconds,
    )


async def _calls_of(address: str, workers: int, calls: int) -> list[Row]:
    alone: Elsewhere = partial(dask_executor, address, batch=1)
    together: Elsewhere = partial(dask_executor, address, batch=BATCH)
    return [
        await _calls("dask one by one", workers, alone, calls // 8, under_way=UNDER_WAY),
        await _calls("dask in batches", workers, together, calls, under_way=UNDER_WAY * BATCH),
    ]


async def _calls(way: str, workers: int, opened: Elsewhere, calls: int, *, under_way: int) -> Row:
    async def call() -> None:
        for number in numbers:
            await executor.run(abs, number)

    async with opened() as executor:
        await executor.run(abs, 1)
        numbers = iter(range(calls))
        began = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for _ in range(min(under_way, calls)):
                tasks.start_soon(call)
        seconds = time.perf_counter() - began
    return told(_row("calls", way, workers, calls, seconds))


@asynccontextmanager
async def _threads() -> AsyncIterator[Executor]:
    yield Threads()


async def _passes(
    dsn: str,
    home: Path,
    runs: int,
    name: str,
    tree: Path,
    way: str,
    workers: int,
    executor: str,
) -> Row:
    """The median of the runs; each file's part is of the visit phase."""
    settings = Settings(
        home=home,
        dsn=dsn,
        embedder="hashed",
        isolation=Isolation.INLINE,
        worker_processes=1,
        executor=executor,
        index_concurrency=workers if executor else 4,
        prerender_tabs=max(5, workers + 1),
    )
    visitor = BusyVisitor() if name == BUSY else None
    async with Engine.open(settings, visitor=visitor) as engine:
        await _pass(engine, home / "warm")
        reports = [await _pass(engine, tree) for _ in range(runs)]
    report = sorted(reports, key=lambda each: each.seconds)[runs // 2]
    visiting = statistics.median(each.phases["visit"] for each in reports)
    row = _row(f"pass, {name}", way, workers, report.visited, report.seconds)
    return told(replace(row, each_ms=1_000 * visiting / report.visited))


async def _pass(engine: Engine, tree: Path) -> PassReport:
    realm = await engine.add_realm("measured", Folder(tree))
    try:
        return await (await realm.index()).finished()
    finally:
        await realm.delete()


def _row(what: str, way: str, workers: int, count: int, seconds: float) -> Row:
    return Row(what, way, workers, count, seconds, count / seconds, 1_000 * seconds / count)


def told(row: Row) -> Row:
    print(f"{row.what} {row.way} {row.workers}: {row.per_second:.0f}/s", flush=True)
    return row


def result(rows: Sequence[Row]) -> Result:
    found = figures(rows)
    passes = [row for row in found if row["times_here"] is not None]
    panels = [
        Panel(
            title="a pass, times one here",
            rows=passes,
            x="workers",
            y="times_here",
            series="what",
            log_x=True,
        )
    ]
    return Result(
        name="executors",
        question=question(__doc__),
        rows=found,
        panels=panels,
        notes=tuple(_notes(rows)),
    )


def _notes(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        if row.way == "dask one by one":
            yield f"A batch costs {row.each_ms:.2f} ms with {row.workers} workers, 16 under way."


def main() -> None:
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("--tree", type=Path, help="index this folder instead of a generated tree")
    parser.add_argument("--files", type=int, default=1_000, help="how many to generate")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    add_options(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="widthwise-executors-") as folder:
        rows = anyio.run(measure, options, Path(folder))
    publish(result(rows), options)


if __name__ == "__main__":
    main()
