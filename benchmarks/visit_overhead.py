"""What does the engine itself cost for each visit, where a visit does nothing?

    python -m benchmarks.visit_overhead
    python -m benchmarks.visit_overhead scheduling --visits 10000
    python -m benchmarks.visit_overhead passes --visits 20000 --json overhead.json

`scheduling` runs 100,000 visits that do nothing in dependency order, four at once: by `visit_all`,
by an anyio task group with a task for each key and a `CapacityLimiter`, and by `asyncio.gather` of
all keys without a bound; in these two a key awaits the events of those it depends on. Each runs
in a process of its own. Making the plan is not counted, its cost is in `benchmarks.resolver`.

`passes` runs whole passes over as many tiny files that a source makes up, with a visitor that
returns no chunk or one, and an embedder that returns the same vector for all. The processor's time
is that of this process, of its worker processes, which parse, and of Postgres, by phase.
"""

import argparse
import asyncio
import multiprocessing
import random
import resource
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Final

import anyio

from benchmarks.overhead_clock import PhaseClock
from benchmarks.overhead_parts import Constant, MadeUp, NoChunk, OneChunk
from benchmarks.results import Panel, Result, add_options, figures, publish, question
from benchmarks.visit_graphs import chain, star
from engine import Engine, Isolation, Settings
from engine.slots import Slot
from engine.visit import Visitor
from engine.visit_all import visit_all
from resolver import DependencyGraph

Graph = dict[str, list[str]]
Way = Callable[[Graph], Awaitable[float]]

LIMIT: Final = 4
MOST_EDGES: Final = 4

# What the engine may cost for each visit.
GOAL_US: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Microseconds of processors for each visit, and MiB that a schedule took at its peak."""

    subject: str
    way: str
    visits: int
    ours_us: float
    workers_us: float | None = None
    postgres_us: float | None = None
    share: float | None = None
    peak_mib: float | None = None


def scattered(size: int) -> Graph:
    """Each on up to four earlier ones, any of them."""
    chance = random.Random(size)
    return {
        f"file{at:06}": sorted(
            {f"file{chance.randrange(at):06}" for _ in range(chance.randint(0, MOST_EDGES)) if at}
        )
        for at in range(size)
    }


GRAPHS: Final = {"star": star, "chain": chain, "random": scattered}


async def by_plan(graph: Graph) -> float:
    plan = DependencyGraph(graph).plan()
    assert plan.max_layer_width  # Layers are made when they are asked for.

    async def visit(_key: str, slot: Slot) -> None:
        async with slot:
            await anyio.lowlevel.checkpoint()

    began = process_time()
    await visit_all(plan, visit, limit=LIMIT)
    return process_time() - began


async def by_task_group(graph: Graph) -> float:
    began = process_time()
    ended = {key: anyio.Event() for key in graph}
    limit = anyio.CapacityLimiter(LIMIT)

    async def visit(key: str) -> None:
        for below in graph[key]:
            await ended[below].wait()
        async with limit:
            await anyio.lowlevel.checkpoint()
        ended[key].set()

    async with anyio.create_task_group() as tasks:
        for key in graph:
            tasks.start_soon(visit, key)
    return process_time() - began


async def by_gather(graph: Graph) -> float:
    began = process_time()
    ended = {key: asyncio.Event() for key in graph}

    async def visit(key: str) -> None:
        for below in graph[key]:
            await ended[below].wait()
        await asyncio.sleep(0)
        ended[key].set()

    await asyncio.gather(*map(visit, graph))
    return process_time() - began


WAYS: Final[dict[str, Way]] = {
    "visit_all": by_plan,
    "task group": by_task_group,
    "gather, no bound": by_gather,
}


def scheduling(visits: int) -> Iterator[Cost]:
    spawned = multiprocessing.get_context("spawn")
    for subject in GRAPHS:
        for way in WAYS:
            with spawned.Pool(1) as pool:
                seconds, mib = pool.apply(_scheduled, (subject, way, visits))
            yield Cost(
                subject=subject,
                way=way,
                visits=visits,
                ours_us=seconds / visits * 1e6,
                peak_mib=mib,
            )


def _scheduled(subject: str, way: str, visits: int) -> tuple[float, float]:
    """CPU seconds, and by how much the peak of memory rose."""
    graph = GRAPHS[subject](visits)
    before = _peak_mib()
    return asyncio.run(_run(WAYS[way], graph)), _peak_mib() - before


async def _run(way: Way, graph: Graph) -> float:
    return await way(graph)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def passes(visits: int) -> AsyncIterator[Cost]:
    for visitor in (NoChunk(), OneChunk()):
        with tempfile.TemporaryDirectory(prefix="widthwise-bench-") as home:
            async for cost in _pass(visits, visitor, Path(home)):
                yield cost


async def _pass(visits: int, visitor: Visitor, home: Path) -> AsyncIterator[Cost]:
    settings = Settings(home=home, isolation=Isolation.INLINE)
    source = MadeUp(visits)
    async with Engine.open(settings, visitor=visitor, embedder=Constant()) as engine:
        realm = await engine.add_realm("made up", source)
        clock = PhaseClock(home)
        with clock:
            report = await (await realm.index()).finished()
        assert report.visited == visits
        whole = clock.whole
        for phase, used in [*clock.by_phase(report, source.began), ("whole pass", whole)]:
            yield Cost(
                subject=visitor.fingerprint,
                way=phase,
                visits=visits,
                ours_us=used.ours / visits * 1e6,
                workers_us=used.workers / visits * 1e6,
                postgres_us=used.postgres / visits * 1e6,
                share=used.ours / whole.ours,
            )


async def measured(costs: AsyncIterator[Cost]) -> list[Cost]:
    return [told(cost) async for cost in costs]


def told(cost: Cost) -> Cost:
    print(f"{cost.subject}, {cost.way}: {cost.ours_us:.1f} us a visit", flush=True)
    return cost


def result(costs: Sequence[Cost]) -> Result:
    rows = figures(costs)
    schedules = [row for row in rows if row["way"] in WAYS]
    phases = [row for row in rows if row["way"] not in WAYS]
    titled = {"scheduling, us a visit": schedules, "our process in a pass, us a visit": phases}
    panels = [
        Panel(title=title, rows=chosen, x="subject", y="ours_us", series="way", kind="bars",
              level=GOAL_US)
        for title, chosen in titled.items()
        if chosen
    ]  # fmt: skip
    return Result(name="visit_overhead", question=question(__doc__), rows=rows, panels=panels)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", default=["scheduling", "passes"], help="one or both")
    parser.add_argument("--visits", type=int, default=100_000)
    add_options(parser)
    options = parser.parse_args()
    costs: list[Cost] = []
    if "scheduling" in options.what:
        costs += map(told, scheduling(options.visits))
    if "passes" in options.what:
        costs += anyio.run(measured, passes(options.visits))
    publish(result(costs), options)


if __name__ == "__main__":
    main()
