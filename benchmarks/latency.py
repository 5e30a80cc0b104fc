"""What does a web app notice of the indexing that it hosts?

    python -m benchmarks.latency path/to/django
    python -m benchmarks.latency path/to/django --seconds 20 --keep

A Starlette app with two routes of its own, one that says hello and one that works for a
millisecond, has the engine mounted. Its routes are asked at a steady rate while nothing else
goes on, and while the tree is indexed over and over from nothing: by the process beside the
server, which is the default, and in the server itself. With `wrk` on the path it is also asked
without a pause. `others` is the app while as many programs spin as there are processors: what
any work beside a server costs it, whoever does it; `dying` is while the process beside it is held
to so little memory that it dies, until the job has failed. Postgres is an embedded one.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import quantiles

import anyio
import httpx

from benchmarks.latency_busy import Passes, indexing, spinning
from benchmarks.latency_load import flood, steady
from benchmarks.results import Panel, Result, add_options, figures, publish, question
from engine.index.embedded import embedded_postgres
from engine.settings import Isolation

ROUTES = ("hello", "work")
HOST = "from benchmarks.latency_host import main; main()"

# With so little a worker process starts, and dies of its first files.
LITTLE_MB = 100
ENDING_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Row:
    """A route's figures in milliseconds.

    `bar_ms` is what p99 may be while the tree is indexed: half as much again as when nothing
    goes on, and 20 ms. `lag_` is of the event loop, `wrk_` without a pause. `indexing` is the
    part of the time in which a job ran.
    """

    jobs: str
    beside: str
    route: str
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    bar_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    wrk_per_second: float | None
    wrk_p99_ms: float | None
    failed: int
    indexing: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    tree: Path
    seconds: float
    rate: float
    embedder: str


async def measure(options: Options, isolations: Sequence[Isolation]) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="widthwise-bench-") as home:
        async with embedded_postgres(Path(home) / "postgres") as dsn:
            for isolation in isolations:
                async with hosted(options, isolation, dsn, Path(home)) as client:
                    rows += await one_host(client, options, str(isolation))
            if Isolation.PROCESS in isolations:
                bars = {row.route: row.bar_ms for row in rows if row.jobs == Isolation.PROCESS}
                rows += await dying_workers(options, dsn, Path(home), bars)
    return rows


async def one_host(client: httpx.AsyncClient, options: Options, jobs: str) -> list[Row]:
    asked = partial(ask_routes, client, options, jobs)
    rows = await asked("nothing", Passes(), {})
    bars = {row.route: round(1.5 * row.p99_ms + 20, 1) for row in rows}
    async with indexing(client, options.tree) as passes:
        rows += await asked("indexing", passes, bars)
    print(f"{jobs}: {passes}", flush=True)
    if jobs == Isolation.PROCESS:
        with spinning(os.cpu_count() or 1):
            rows += await asked("others", Passes(), bars)
    return rows


async def dying_workers(
    options: Options, dsn: str, home: Path, bars: dict[str, float]
) -> list[Row]:
    """The app while its worker process dies of its memory again and again."""
    jobs = str(Isolation.PROCESS)
    async with (
        hosted(options, Isolation.PROCESS, dsn, home, memory_mb=LITTLE_MB) as client,
        indexing(client, options.tree, expected="failed") as passes,
    ):
        rows = await ask_routes(client, options, jobs, "dying", passes, bars)
        # A small tree may be indexed before anybody sees that it takes too much.
        with anyio.move_on_after(ENDING_SECONDS):
            await passes.first.wait()
    print(f"{jobs}, dying: {passes}", flush=True)
    return rows


async def ask_routes(
    client: httpx.AsyncClient, options: Options, jobs: str, beside: str, passes: Passes,
    bars: dict[str, float],
) -> list[Row]:  # fmt: skip
    rows = []
    for route in ROUTES:
        url = f"{client.base_url}/{route}"
        began, before = time.monotonic(), passes.running_seconds
        await client.get("/lag")
        took, failed = await steady(url, rate=options.rate, seconds=options.seconds)
        lag = (await client.get("/lag")).json()
        flooded = await flood(url, seconds=options.seconds)
        part = (passes.running_seconds - before) / (time.monotonic() - began)
        p50, p95, p99 = (round(each, 2) for each in centiles(took))
        rows.append(
            Row(
                jobs, beside, route, p50, p95, p99, round(max(took), 1),
                bars.get(route, 0.0), round(centiles(lag)[2], 2), round(max(lag), 1),
                round(flooded.per_second) if flooded else None,
                round(flooded.p99_ms, 1) if flooded else None,
                failed + (flooded.failed if flooded else 0), round(part, 2),
            )
        )  # fmt: skip
        print(f"{jobs}, {beside}, {route}: p99 {p99} ms", flush=True)
    return rows


def centiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The 50th, 95th and 99th."""
    cuts = quantiles(values, n=100)
    return cuts[49], cuts[94], cuts[98]


@asynccontextmanager
async def hosted(
    options: Options, isolation: Isolation, dsn: str, home: Path, *, memory_mb: int | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, which runs for the length of the block."""
    command = [
        sys.executable, "-c", HOST, str(options.tree), "--dsn", dsn,
        "--home", str(home), "--isolation", str(isolation), "--embedder", options.embedder,
    ]  # fmt: skip
    command += ["--memory-mb", str(memory_mb)] if memory_mb else []
    async with await anyio.open_process(command, stderr=None) as process:
        assert process.stdout is not None
        port = int(await process.stdout.receive())
        address = f"http://127.0.0.1:{port}"
        try:
            async with httpx.AsyncClient(base_url=address, timeout=120) as client:
                # The socket listens before the engine is open; what is asked then waits.
                (await client.get("/hello")).raise_for_status()
                yield client
        finally:
            with anyio.CancelScope(shield=True):
                process.send_signal(signal.SIGTERM)
                await process.wait()


def result(rows: list[Row]) -> Result:
    found = figures(rows)
    panels = [
        Panel(
            title=f"99 of 100 requests to /{route} take at most, ms",
            rows=[row for row in found if row["route"] == route],
            x="beside",
            y="p99_ms",
            series="jobs",
            kind="bars",
            log_y=True,
        )
        for route in ROUTES
    ]
    notes = [
        f"{row.jobs}, {row.beside}, {row.route}: p99 is above {row.bar_ms} ms"
        for row in rows
        if row.jobs == Isolation.PROCESS and row.beside != "others" and row.p99_ms > row.bar_ms > 0
    ]
    return Result(
        name="latency", question=question(__doc__), rows=found, panels=panels, notes=notes
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("tree", type=Path)
    parser.add_argument("--seconds", type=float, default=8.0, help="for each figure")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--embedder", default="local")
    parser.add_argument(
        "--isolations", nargs="+", type=Isolation, default=[Isolation.PROCESS, Isolation.INLINE]
    )
    add_options(parser)
    options = parser.parse_args()
    chosen = Options(
        tree=options.tree.resolve(),
        seconds=options.seconds,
        rate=options.rate,
        embedder=options.embedder,
    )
    rows = anyio.run(measure, chosen, options.isolations)
    publish(result(rows), options)


if __name__ == "__main__":
    main()
