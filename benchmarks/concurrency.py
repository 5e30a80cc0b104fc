"""How many visits at once are worth it, and how near do they come to what is possible?

    python -m benchmarks.concurrency
    python -m benchmarks.concurrency graphs --caps 1 2 4 8 16 --graph-tabs 17
    python -m benchmarks.concurrency realms --jitter 0.5 --stall-rate 0.02 --stall-ms 200 --keep

Visits ask a prerender service that is a process of its own, over HTTP. `graphs` schedules made
graphs and one that was recorded of Django. `realms` indexes realms of 100 and of 461 cards and
modules, at 30 ms a file where a real one takes 3 s: serially (the engine at cap 1), naively (all
files in the order of their names, so many at once) and through the engine. A file that needs a
module keeps its tab until that is loaded, in another tab, unless it was loaded before.

`bound_seconds` is `max(work / slots, critical path)`: no schedule on so many slots is shorter.
"""

import argparse
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import anyio

from benchmarks.prerender_service import Behaviour, prerender_service
from benchmarks.results import Panel, Result, add_options, publish, question
from benchmarks.results import figures as rows_of
from benchmarks.visit_figures import Figures
from benchmarks.visit_graphs import MADE, recorded
from benchmarks.visit_runs import Realm, Service, run_engine, run_graph, run_naively, service_at

GRAPH_FILES: Final = 120
# Modules and cards: realms of 100 and of 461 files.
REALMS: Final = {100: (25, 75), 461: (111, 350)}


async def measure(url: str, options: argparse.Namespace, folder: Path) -> list[Figures]:
    behaviour, caps = _behaviour(options), options.caps
    found: list[Figures] = []
    async with service_at(url) as service:
        if "graphs" in options.what:
            tabs = options.graph_tabs
            wide = replace(behaviour, tabs=tabs, affinity_tabs=tabs)
            found += [run async for run in _of_graphs(service, wide, caps)]
        if "realms" in options.what:
            realms = [REALMS[files] for files in options.files]
            found += [run async for run in _of_realms(service, behaviour, caps, folder, realms)]
    return list(compared(found))


async def _of_graphs(
    service: Service, behaviour: Behaviour, caps: Sequence[int]
) -> AsyncIterator[Figures]:
    graphs = {name: make(GRAPH_FILES) for name, make in MADE.items()}
    for name, graph in {**graphs, "django": recorded("django")}.items():
        for cap in caps:
            yield told(await run_graph(service, name, graph, behaviour, cap))


async def _of_realms(
    service: Service,
    behaviour: Behaviour,
    caps: Sequence[int],
    folder: Path,
    realms: Sequence[tuple[int, int]],
) -> AsyncIterator[Figures]:
    for modules, cards in realms:
        name = f"{modules + cards} files"
        realm = Realm(name, folder / name, modules=modules, cards=cards)
        here = replace(behaviour, imports=realm.imports)
        for cap in caps:
            run, report = await run_engine(service, realm, here, cap, folder / "home")
            print(f"the whole pass {report.seconds:.2f} s: {report.phases}", flush=True)
            yield told(run)
        for cap in caps:
            yield told(await run_naively(service, realm, here, cap))


def _behaviour(options: argparse.Namespace) -> Behaviour:
    return Behaviour(
        tabs=options.tabs,
        affinity_tabs=options.affinity_tabs,
        visit_seconds=options.visit_ms / 1000,
        jitter=options.jitter,
        stall_rate=options.stall_rate,
        stall_seconds=options.stall_ms / 1000,
        cold_seconds=options.cold_ms / 1000,
        limit_seconds=options.limit_ms / 1000,
    )


def told(run: Figures) -> Figures:
    print(
        f"{run.subject} {run.way} at {run.cap}: {run.seconds:.2f} s, bound"
        f" {run.bound_seconds:.2f} s, {run.late} given up",
        flush=True,
    )
    return run


def compared(runs: Sequence[Figures]) -> Iterator[Figures]:
    """Each beside the serial run of the same subject; a naive one beside that of the engine."""
    serial = {
        run.subject: run.seconds for run in runs if run.cap == 1 and run.way in {"plan", "engine"}
    }
    for run in runs:
        if run.subject in serial:
            yield replace(run, times_serial=serial[run.subject] / run.seconds)
        else:
            yield run


def result(runs: Sequence[Figures]) -> Result:
    rows = rows_of(runs)
    named = [{**row, "run": f"{row['subject']}, {row['way']}"} for row in rows]
    graphs = [row for row in named if row["way"] == "plan"]
    realms = [row for row in named if row["way"] != "plan"]
    panels = [
        Panel(title=f"{what}: {column}", rows=chosen, x="cap", y=column, series="run", log_x=True)
        for what, chosen in (("graphs", graphs), ("realms", realms))
        for column in ("times_serial", "above_bound", "busy", "p95_ms")
        if chosen
    ]
    return Result(name="concurrency", question=question(__doc__), rows=rows, panels=panels)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", default=["graphs", "realms"], help="one or both")
    parser.add_argument("--files", type=int, nargs="+", default=list(REALMS), choices=REALMS)
    parser.add_argument("--caps", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--tabs", type=int, default=5)
    parser.add_argument("--graph-tabs", type=int, default=9)
    parser.add_argument("--affinity-tabs", type=int, default=5)
    parser.add_argument("--visit-ms", type=float, default=30)
    parser.add_argument("--jitter", type=float, default=0.0, help="a share of a visit's time")
    parser.add_argument("--stall-rate", type=float, default=0.0)
    parser.add_argument("--stall-ms", type=float, default=0.0)
    parser.add_argument("--cold-ms", type=float, default=10)
    parser.add_argument("--limit-ms", type=float, default=600, help="what keeps a tab is given up")
    add_options(parser)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="widthwise-bench-") as folder,
        prerender_service() as url,
    ):
        runs = anyio.run(measure, url, options, Path(folder))
    publish(result(runs), options)


if __name__ == "__main__":
    main()
