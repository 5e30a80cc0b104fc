"""Who plans the graph of the resolver's benchmark, and what that took. Knows no tables.

Every contender makes of the same dict of strings: layers, components, and all keys in the order
of a plan. Steps are measured in seconds of the processor, which other processes hardly change,
and memory is what a contender takes beyond the graph that it is given.
"""

import gc
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.resolver_graphs import Dependencies, hub_of
from resolver import DependencyGraph

STEPS: Final = ("interning", "building", "components", "layering", "ordering")
CLOSURE: Final = "closure"


@dataclass
class Stopwatch:
    """Seconds by step, and the peak of memory at the end of each, in MB."""

    seconds: dict[str, float] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.process_time()
        yield
        self.seconds[name] = time.process_time() - started
        self.megabytes[name] = _status_megabytes("VmHWM")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What contenders have to agree on. `closure` of 0 was not asked for."""

    layers: Sequence[Sequence[str]]
    components: int
    closure: int = 0

    def summary(self) -> dict[str, int]:
        order = "\n".join(chain.from_iterable(self.layers))
        return {
            "depth": len(self.layers),
            "width": max(map(len, self.layers)),
            "components": self.components,
            "order": zlib.crc32(order.encode()),
            "closure": self.closure,
        }


def run_ours(dependencies: Dependencies, watch: Stopwatch) -> Outcome:
    with watch.step("interning"):
        graph = DependencyGraph(dependencies)
    with watch.step("layering"):
        plan = graph.plan()
    with watch.step("ordering"):
        layers = plan.layers
    with watch.step(CLOSURE):
        closure = graph.invalidated_by([hub_of(dependencies)])
    return Outcome(layers, plan.units, len(closure))


def run_networkx(dependencies: Dependencies, watch: Stopwatch) -> Outcome:
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
        layers = [_ordered(layer, members) for layer in units]
    with watch.step(CLOSURE):
        closure = nx.descendants(graph, hub_of(dependencies))
    return Outcome(layers, len(components), len(closure) + 1)


def run_rustworkx(dependencies: Dependencies, watch: Stopwatch) -> Outcome:
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
        layers = [_ordered(layer, members) for layer in named]
    with watch.step(CLOSURE):
        closure = rx.descendants(graph, number[hub_of(dependencies)])
    return Outcome(layers, len(components), len(closure) + 1)


def run_graphlib(dependencies: Dependencies, watch: Stopwatch) -> Outcome:
    """Has no closure, and its components are keys: it refuses cycles."""
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
    return Outcome(layers, len(dependencies))


CONTENDERS: Final[Mapping[str, Callable[[Dependencies, Stopwatch], Outcome]]] = {
    "ours": run_ours,
    "networkx": run_networkx,
    "rustworkx": run_rustworkx,
    "graphlib": run_graphlib,
}


def measure(name: str, dependencies: Dependencies) -> dict[str, Any]:
    """Run one contender in this process, once."""
    gc.collect()
    before, watch = _reset_peak(), Stopwatch()
    try:
        outcome = CONTENDERS[name](dependencies, watch)
    except (ImportError, ValueError) as refusal:
        return {"refused": type(refusal).__name__}
    planned = max(watch.megabytes[step] for step in STEPS if step in watch.megabytes)
    return {
        "seconds": watch.seconds,
        "megabytes": planned - before,
        "outcome": outcome.summary(),
    }


def measure_kept(dependencies: Dependencies, repeat: int) -> dict[str, float]:
    """What it costs to go on from a graph that is kept. Medians, in seconds of the processor."""
    graph, hub = DependencyGraph(dependencies), hub_of(dependencies)
    edited = graph.plan().order[-len(graph) // 20]
    changed = {edited: [*dependencies[edited], hub, "added/later.py"]}
    after = graph.updated(changed)
    steps: dict[str, Callable[[], object]] = {
        "plan of everything": lambda: graph.plan().layers,
        "one file updated": lambda: graph.updated(changed),
        "plan of one edit": lambda: after.plan(after.invalidated_by([edited])).layers,
        "invalidated by a hub": lambda: graph.invalidated_by([hub]),
    }
    return {name: median(_timed(step) for _ in range(repeat)) for name, step in steps.items()}


def _ordered(units: list[Any], members: Mapping[Any, Iterable[str]]) -> list[str]:
    """One layer by the smallest key of the component, then by key.

    Without `members` the units of the layer are keys.
    """
    if not members:
        return sorted(units)
    return [key for unit in sorted(sorted(members[unit]) for unit in units) for key in unit]


def _timed(step: Callable[[], object]) -> float:
    started = time.process_time()
    step()
    return time.process_time() - started


def _reset_peak() -> float:
    """Forget the peak so far; return the memory in use, in MB. Linux only."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return _status_megabytes("VmRSS")


def _status_megabytes(name: str) -> float:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    line = next(line for line in lines if line.startswith(name))
    return int(line.split()[1]) * 1024 / 1e6
