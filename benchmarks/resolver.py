"""How long, and in how much memory, is a large graph made, layered and walked?

Every contender gets the same graph as a dict of strings and runs in a process of its
own, so that its peak memory is its own; memory is what it takes beyond the graph it is
given. A dot means that the step is part of the one to its left, a dash that there is no
such step. The second table is about a graph that is kept: what an edit costs then.
"""

import argparse
import gc
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from resolver import DependencyGraph

T = TypeVar("T")
Dependencies = dict[str, list[str]]
Cells = Mapping[str, float | str]

STEPS = ("interning", "building", "layering", "components", "ordering", "closure")
KEPT = ("plan of everything", "one file updated", "plan of one edit", "invalidated by a hub")


def random_graph(nodes: int, edges_per_node: int, cycles: float) -> Dependencies:
    """Each key names earlier ones; of a share `cycles` of the keys two each name each other."""
    chance = random.Random(nodes)
    keys = [f"package_{i % 997:03}/module_{i:07}.py" for i in range(nodes)]
    chance.shuffle(keys)
    graph = {
        key: [keys[chance.randrange(i)] for _ in range(edges_per_node)] if i else []
        for i, key in enumerate(keys)
    }
    for place in chance.sample(range(nodes - 1), int(nodes * cycles / 2)):
        graph[keys[place]].append(keys[place + 1])
        graph[keys[place + 1]].append(keys[place])
    return graph


def hub_of(dependencies: Dependencies) -> str:
    """The first of all keys, which nearly everything reaches."""
    return next(iter(dependencies))


class Stopwatch:
    """Seconds by step, in the order of the steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


def run_ours(dependencies: Dependencies, watch: Stopwatch) -> dict[str, int]:
    with watch.step("interning"):
        graph = DependencyGraph(dependencies)
    with watch.step("layering"):
        plan = graph.plan()
    with watch.step("ordering"):
        order = plan.order
    with watch.step("closure"):
        closure = graph.invalidated_by([hub_of(dependencies)])
    return outcome(plan.topo_depth, plan.max_layer_width, plan.units, len(order), len(closure))


def run_networkx(dependencies: Dependencies, watch: Stopwatch) -> dict[str, int]:
    import networkx as nx  # noqa: PLC0415 - only in its own process

    with watch.step("building"):
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(dependencies)
        graph.add_edges_from((below, key) for key, row in dependencies.items() for below in row)
    with watch.step("components"):
        components = list(nx.strongly_connected_components(graph))
    with watch.step("layering"):
        acyclic = len(components) == len(graph)
        contracted = graph if acyclic else nx.condensation(graph, components)
        units = [list(layer) for layer in nx.topological_generations(contracted)]
    with watch.step("ordering"):
        members: Any = {} if acyclic else contracted.nodes(data="members")
        layers = [ordered(layer, members) for layer in units]
    with watch.step("closure"):
        closure = nx.descendants(graph, hub_of(dependencies))
    return outcome_of(layers, len(components), len(closure) + 1)


def run_rustworkx(dependencies: Dependencies, watch: Stopwatch) -> dict[str, int]:
    import rustworkx as rx  # noqa: PLC0415 - only in its own process

    with watch.step("interning"):
        keys = list(dependencies)
        number = {key: place for place, key in enumerate(keys)}
        edges = [
            (number[below], place)
            for place, row in enumerate(dependencies.values())
            for below in row
        ]
    with watch.step("building"):
        graph = rx.PyDiGraph()
        graph.add_nodes_from(keys)
        graph.add_edges_from_no_data(edges)
    with watch.step("components"):
        components = rx.strongly_connected_components(graph)
    with watch.step("layering"):
        acyclic = len(components) == len(keys)
        contracted: Any = graph if acyclic else rx.condensation(graph)
        units = rx.topological_generations(contracted)
    with watch.step("ordering"):
        members = {} if acyclic else dict(enumerate(contracted.nodes()))
        named = ([contracted[u] if acyclic else u for u in layer] for layer in units)
        layers = [ordered(layer, members) for layer in named]
    with watch.step("closure"):
        closure = rx.descendants(graph, number[hub_of(dependencies)])
    return outcome_of(layers, len(components), len(closure) + 1)


def run_graphlib(dependencies: Dependencies, watch: Stopwatch) -> dict[str, int]:
    from graphlib import TopologicalSorter  # noqa: PLC0415 - only in its own process

    with watch.step("building"):
        sorter = TopologicalSorter(dependencies)
        sorter.prepare()
    found = []
    with watch.step("layering"):
        while sorter.is_active():
            found.append(sorter.get_ready())
            sorter.done(*found[-1])
    with watch.step("ordering"):
        layers = [sorted(layer) for layer in found]
    return outcome_of(layers, len(dependencies), 0)


CONTENDERS: dict[str, Callable[[Dependencies, Stopwatch], dict[str, int]]] = {
    "ours": run_ours,
    "networkx": run_networkx,
    "rustworkx": run_rustworkx,
    "graphlib": run_graphlib,
}
PART_OF_THE_LEFT = {"ours": ("building", "components")}


def ordered(units: list[Any], members: Mapping[Any, Iterable[str]]) -> list[str]:
    """One layer by the smallest key of the component, then by key.

    Without `members` the units of the layer are keys.
    """
    if not members:
        return sorted(units)
    return [key for unit in sorted(sorted(members[unit]) for unit in units) for key in unit]


def outcome_of(layers: list[Any], components: int, closure: int) -> dict[str, int]:
    sizes = [len(layer) for layer in layers]
    return outcome(len(layers), max(sizes), components, sum(sizes), closure)


def outcome(depth: int, width: int, units: int, keys: int, closure: int) -> dict[str, int]:
    """What contenders have to agree on; a closure of 0 was not asked for."""
    return {"depth": depth, "width": width, "units": units, "keys": keys, "closure": closure}


def measure(name: str, dependencies: Dependencies) -> dict[str, Any]:
    """Run one contender in this process."""
    gc.collect()
    before, watch = reset_peak(), Stopwatch()
    try:
        result = CONTENDERS[name](dependencies, watch)
    except (ImportError, ValueError) as refusal:
        return {"refused": type(refusal).__name__}
    return {"seconds": watch.seconds, "megabytes": peak() - before, "result": result}


def measure_kept(dependencies: Dependencies, repeat: int) -> dict[str, float]:
    """What it costs to go on from a graph that is kept. Medians, in seconds."""
    graph, hub = DependencyGraph(dependencies), hub_of(dependencies)
    edited = graph.plan().order[-len(graph) // 20]
    changed = {edited: [*dependencies[edited], hub, "added/later.py"]}
    after = graph.updated(changed)
    steps: dict[str, Callable[[], object]] = {
        "plan of everything": graph.plan,
        "one file updated": lambda: graph.updated(changed),
        "plan of one edit": lambda: after.plan(after.invalidated_by([edited])),
        "invalidated by a hub": lambda: graph.invalidated_by([hub]),
    }
    return {name: median(timed(step) for _ in range(repeat)) for name, step in steps.items()}


def timed(step: Callable[[], object]) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def reset_peak() -> float:
    """Forget the peak so far, where the kernel can; return the memory in use, in MB."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return status_megabytes("VmRSS")


def peak() -> float:
    return status_megabytes("VmHWM")


def status_megabytes(field: str) -> float:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    line = next(line for line in lines if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6


def in_own_process(arguments: argparse.Namespace, contender: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.resolver", "--only", contender]
    for option in ("nodes", "edges_per_node", "cycles", "repeat"):
        command += [f"--{option.replace('_', '-')}", str(getattr(arguments, option))]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    parsed: dict[str, Any] = json.loads(answer.stdout)
    return parsed


def run_one(arguments: argparse.Namespace) -> None:
    """The child's side: measure one contender and print what was measured."""
    graph = random_graph(arguments.nodes, arguments.edges_per_node, arguments.cycles)
    kept = arguments.only == "kept"
    measured = measure_kept(graph, arguments.repeat) if kept else measure(arguments.only, graph)
    print(json.dumps(measured))


def row_of(name: str, measured: dict[str, Any]) -> Cells:
    if "refused" in measured:
        return {"": name, STEPS[0]: measured["refused"]}
    seconds = measured["seconds"]
    left = PART_OF_THE_LEFT.get(name, ())
    steps = {step: seconds.get(step, "." if step in left else "-") for step in STEPS}
    return {"": name, **steps, "total": sum(seconds.values()), "MB": round(measured["megabytes"])}


def print_table(columns: Iterable[str], rows: Iterable[Cells]) -> None:
    columns = list(columns)
    print("".join(f"{column:>{max(12, len(column) + 2)}}" for column in columns))
    for row in rows:
        cells = [(column, row.get(column, "")) for column in columns]
        texts = [(c, f"{cell:.4f}" if isinstance(cell, float) else str(cell)) for c, cell in cells]
        print("".join(f"{text:>{max(12, len(column) + 2)}}" for column, text in texts))


def disagreements(measured: Mapping[str, dict[str, Any]]) -> list[str]:
    """The contenders whose plan differs from ours."""
    ours = measured["ours"]["result"]
    results = {name: one["result"] for name, one in measured.items() if "result" in one}
    return [
        name
        for name, result in results.items()
        if any(result[part] not in (0, expected) for part, expected in ours.items())
    ]


def main() -> None:
    arguments = parsed_arguments()
    if arguments.only:
        run_one(arguments)
        return
    print(__doc__.splitlines()[0] if __doc__ else "")
    print(f"\n{arguments.nodes} nodes, {arguments.edges_per_node} edges each, seconds:\n")
    measured = {name: in_own_process(arguments, name) for name in arguments.contenders}
    rows = [row_of(name, one) for name, one in measured.items()]
    print_table(("", *STEPS, "total", "MB"), rows)
    differing = disagreements(measured)
    print(f"\n{', '.join(differing)} disagree" if differing else "\nall plans agree")
    kept = in_own_process(arguments, "kept")
    print("\nfrom a graph that is kept, milliseconds:\n")
    print_table(KEPT, [{name: seconds * 1000 for name, seconds in kept.items()}])
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"contenders": measured, "kept": kept}), "utf-8")


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--edges-per-node", type=int, default=5)
    parser.add_argument("--cycles", type=float, default=0.0, metavar="SHARE")
    parser.add_argument("--repeat", type=int, default=3, help="for the graph that is kept")
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--only", choices=[*CONTENDERS, "kept"], help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
