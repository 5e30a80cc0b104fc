"""How many jobs a second are enqueued and run, and how soon does an idle worker start one?

    python -m benchmarks.jobs
    python -m benchmarks.jobs --dsn postgresql://... --rounds 5 --json jobs.json

Beside procrastinate and pgqueuer (`pip install widthwise[bench]`), on one Postgres with its
default durability and in turns; medians over the rounds. A job counts as run once the
database says so. What is idle is counted in transactions, by the database's statistics;
each statement outside of a transaction is one.
"""

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import anyio
import asyncpg

from benchmarks.job_contender import QUEUES, Contender, contender
from benchmarks.results import Panel, Result, add_options, figures, publish, question
from engine.index.embedded import embedded_postgres

# A worker that has just started does more than an idle one, and a session that has gone
# idle tells the statistics so up to ten seconds later.
SETTLING_SECONDS = 12.0


@dataclass(frozen=True, slots=True)
class Row:
    """A queue's figures; `_per_second` are jobs, `idle_` are transactions."""

    queue: str
    enqueued_per_second: float
    enqueued_in_batches_per_second: float
    run_per_second: float
    start_ms_p50: float
    start_ms_p95: float
    idle_per_second: float
    promises: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    rounds: int
    single: int = 1_000
    batched: int = 10_000
    run: int = 2_000
    starts: int = 100
    idle_seconds: float = 30.0


@dataclass(slots=True)
class Figures:
    single: list[float]
    batched: list[float]
    run: list[float]
    starts: list[float]
    idle: float = 0.0

    def row(self, queue: str, promises: str) -> Row:
        centiles = quantiles(self.starts, n=100)
        return Row(
            queue,
            round(median(self.single)),
            round(median(self.batched)),
            round(median(self.run)),
            round(centiles[49], 2),
            round(centiles[94], 2),
            round(self.idle, 2),
            promises,
        )


async def measure(dsn: str, names: Sequence[str], sizes: Sizes) -> list[Row]:
    figures = {name: Figures([], [], [], []) for name in names}
    async with AsyncExitStack() as stack:
        contenders = {name: await stack.enter_async_context(contender(dsn, name)) for name in names}
        for number in range(sizes.rounds):
            turn = number % len(names)
            in_turn = [contenders[name] for name in (*names[turn:], *names[:turn])]
            await one_round(in_turn, figures, sizes)
            print(f"round {number + 1} of {sizes.rounds}", flush=True)
        promises = {name: each.queue.promises for name, each in contenders.items()}
    for name, idle in (await idling(dsn, names, sizes.idle_seconds)).items():
        figures[name].idle = idle
    return [each.row(name, promises[name]) for name, each in figures.items()]


async def one_round(
    contenders: Sequence[Contender], figures: dict[str, Figures], sizes: Sizes
) -> None:
    """One after the other in each step: what else the machine does meets all of them."""
    for each in contenders:
        async with each.emptied():
            figures[each.queue.name].single.append(await each.enqueued_singly(sizes.single))
    for each in contenders:
        async with each.emptied():
            figures[each.queue.name].batched.append(await each.enqueued_in_batches(sizes.batched))
    for each in contenders:
        async with each.emptied():
            figures[each.queue.name].run.append(await each.run(sizes.run))
    for each in contenders:
        async with each.emptied():
            figures[each.queue.name].starts += await each.start_latencies(sizes.starts)


async def idling(dsn: str, names: Sequence[str], seconds: float) -> dict[str, float]:
    """All at the same time, in new databases: each counts for itself, and vacuums nothing."""
    databases: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        watching = await asyncpg.connect(dsn)
        stack.push_async_callback(watching.close)
        for name in names:
            each = await stack.enter_async_context(contender(dsn, name))
            await each.connection.execute("VACUUM (ANALYZE)")
            databases[name] = await each.connection.fetchval("SELECT current_database()")
            await stack.enter_async_context(each.queue.standing_by())
        await anyio.sleep(SETTLING_SECONDS)
        before = {name: await transactions(watching, databases[name]) for name in names}
        await anyio.sleep(seconds)
        after = {name: await transactions(watching, databases[name]) for name in names}
    return {name: (after[name] - before[name]) / seconds for name in names}


async def transactions(watching: asyncpg.Connection, database: str) -> int:
    statement = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1"
    return int(await watching.fetchval(statement, database))


async def measure_somewhere(dsn: str, names: Sequence[str], sizes: Sizes) -> list[Row]:
    if dsn:
        return await measure(dsn, names, sizes)
    with tempfile.TemporaryDirectory(prefix="widthwise-bench-") as home:
        async with embedded_postgres(Path(home)) as embedded:
            return await measure(embedded, names, sizes)


def result(rows: list[Row]) -> Result:
    notes = [f"{row.queue}: {row.promises}" for row in rows]
    cells = [
        {name: cell for name, cell in row.items() if name != "promises"} for row in figures(rows)
    ]
    panels = [
        Panel(title=title, rows=cells, x="queue", y=y, kind="bars")
        for title, y in (
            ("jobs enqueued a second, one by one", "enqueued_per_second"),
            ("jobs enqueued a second, in batches", "enqueued_in_batches_per_second"),
            ("empty jobs run a second", "run_per_second"),
            ("from request to start at the median, ms", "start_ms_p50"),
        )
    ]
    return Result(name="jobs", question=question(__doc__), rows=cells, panels=panels, notes=notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("--dsn", default="", help="another Postgres than an embedded one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle-seconds", type=float, default=30.0)
    parser.add_argument("--queues", nargs="+", default=list(QUEUES), choices=QUEUES)
    add_options(parser)
    options = parser.parse_args()
    sizes = Sizes(rounds=options.rounds, idle_seconds=options.idle_seconds)
    rows = anyio.run(measure_somewhere, options.dsn, options.queues, sizes)
    publish(result(rows), options)


if __name__ == "__main__":
    main()
