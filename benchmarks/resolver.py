"""How long, and in how much memory, is a large graph made, layered, ordered and walked?

    python -m benchmarks.resolver
    python -m benchmarks.resolver --nodes 1000000 --runs 3 --keep
    python -m benchmarks.resolver --nodes 1000000 --graph chain --contenders ours networkx

Every contender gets the same graph as a dict of strings, in a process of its own, so that its
peak of memory is its own. `seconds` and `megabytes` are of the plan; the closure comes after it.
A dash says that a contender has no such step, or that the step is part of another. The rows
below are about a graph that is kept: what an edit costs then. Linux only.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.resolver_contenders import CLOSURE, CONTENDERS, STEPS, measure, measure_kept
from benchmarks.resolver_graphs import GRAPHS
from benchmarks.results import Cell, Panel, Result, Row, add_options, publish, question

Measured = Mapping[str, Any]
KEPT = "kept"
COLUMNS = ("what", *STEPS, "seconds", "megabytes", CLOSURE)


def in_own_process(options: argparse.Namespace, only: str) -> Measured:
    command = [sys.executable, "-m", "benchmarks.resolver", "--only", only]
    for option in ("nodes", "edges_per_node", "cycles", "graph", "runs"):
        command += [f"--{option.replace('_', '-')}", str(getattr(options, option))]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    parsed: Measured = json.loads(answer.stdout)
    return parsed


def run_one(options: argparse.Namespace) -> Measured:
    """The child's side."""
    graph = GRAPHS[options.graph](options.nodes, options.edges_per_node, options.cycles)
    if options.only == KEPT:
        return measure_kept(graph, options.runs)
    return measure(options.only, graph)


def contender_row(name: str, runs: Sequence[Measured]) -> Row:
    """Medians; the total is the median of totals, not the sum of medians."""
    if "refused" in runs[0]:
        return {"what": f"{name}: {runs[0]['refused']}"}
    seconds = [run["seconds"] for run in runs]
    return {
        "what": name,
        **{step: median(each[step] for each in seconds) for step in STEPS if step in seconds[0]},
        "seconds": median(sum(each[s] for s in STEPS if s in each) for each in seconds),
        "megabytes": median(run["megabytes"] for run in runs),
        CLOSURE: median(each[CLOSURE] for each in seconds) if CLOSURE in seconds[0] else None,
    }


def compared(rows: Sequence[Row]) -> Iterator[Row]:
    """Each with all columns, and beside ours."""
    ours = next((row for row in rows if row["what"] == "ours"), {})
    for row in rows:
        filled = {column: row.get(column) for column in COLUMNS}
        yield {
            **filled,
            "times our seconds": _ratio(row.get("seconds"), ours.get("seconds")),
            "times our megabytes": _ratio(row.get("megabytes"), ours.get("megabytes")),
        }


def _ratio(figure: Cell, ours: Cell) -> float | None:
    if isinstance(figure, float) and isinstance(ours, float) and ours:
        return figure / ours
    return None


def disagreements(measured: Mapping[str, Sequence[Measured]]) -> list[str]:
    """The contenders whose plan differs from that of the first."""
    outcomes = {name: runs[0]["outcome"] for name, runs in measured.items() if "outcome" in runs[0]}
    expected = next(iter(outcomes.values()))
    return [
        name
        for name, outcome in outcomes.items()
        if any(outcome[part] not in (0, value) for part, value in expected.items())
    ]


def result(options: argparse.Namespace) -> Result:
    measured: dict[str, list[Measured]] = {name: [] for name in options.contenders}
    for _ in range(options.runs):
        for name, runs in measured.items():
            runs.append(in_own_process(options, name))
            print(f"{name}: {runs[-1].get('seconds') or runs[-1]}", flush=True)
    rows = list(compared([contender_row(*each) for each in measured.items()]))
    kept = in_own_process(options, KEPT)
    kept_rows = [{"what": f"kept: {what}", "seconds": taken} for what, taken in kept.items()]
    differing = disagreements(measured)
    return Result(
        name="resolver",
        question=question(__doc__),
        rows=[*rows, *kept_rows],
        panels=panels(rows),
        notes=[
            f"{options.nodes:,} keys, {options.graph}, {options.edges_per_node} edges each."
            f" Seconds of the processor, medians of {options.runs}.",
            f"Plans differ: {', '.join(differing)}." if differing else "All plans agree.",
        ],
    )


def panels(rows: Sequence[Row]) -> list[Panel]:
    return [
        Panel(title=f"{column} of a plan", rows=rows, x="what", y=column, kind="bars")
        for column in ("seconds", "megabytes")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--edges-per-node", type=int, default=5)
    parser.add_argument("--cycles", type=float, default=0.0, metavar="SHARE")
    parser.add_argument("--graph", choices=GRAPHS, default="random")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--only", choices=[*CONTENDERS, KEPT], help=argparse.SUPPRESS)
    add_options(parser)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(run_one(options)))
    else:
        publish(result(options), options)


if __name__ == "__main__":
    main()
