"""What a run of visits came to, from the service's log, and the least it could have come to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

import networkx as nx

from benchmarks.prerender_service import Behaviour

Dependencies = Mapping[str, Iterable[str]]


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. Seconds are from the first call to the last answer.

    `busy` is the share of the slots' time in which a tab worked and did not wait, `latency` is
    of one call, from asking to its answer. `above_bound` compares with `bound`. `late` counts
    calls that were given up.
    """

    subject: str
    way: str
    cap: int
    files: int
    calls: int
    seconds: float
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    busy: float
    bound_seconds: float
    above_bound: float
    late: int
    cold: int
    times_serial: float | None = None


def bound_seconds(dependencies: Dependencies, behaviour: Behaviour, *, slots: int) -> float:
    """No schedule on so many slots is shorter: `max(work / slots, critical path)`.

    Each slot has a cold tab to begin with. Keys of a cycle may run at once.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(dependencies)
    graph.add_edges_from((below, key) for key, row in dependencies.items() for below in row)
    work = sum(map(behaviour.seconds, dependencies)) + slots * behaviour.cold_seconds
    return max(work / slots, _critical_seconds(graph, behaviour) + behaviour.cold_seconds)


def _critical_seconds(graph: "nx.DiGraph[str]", behaviour: Behaviour) -> float:
    units = nx.condensation(graph)
    ended: dict[int, float] = {}
    for unit in nx.topological_sort(units):
        own = max(map(behaviour.seconds, units.nodes[unit]["members"]))
        ended[unit] = own + max((ended[below] for below in units.predecessors(unit)), default=0.0)
    return max(ended.values(), default=0.0)


def figures(
    log: Sequence[Mapping[str, float]],
    *,
    subject: str,
    way: str,
    cap: int,
    files: int,
    slots: int,
    bound: float,
) -> Figures:
    seconds = max(each["ended_at"] for each in log) - min(each["asked_at"] for each in log)
    latencies = [(each["ended_at"] - each["asked_at"]) * 1000 for each in log]
    centiles = quantiles(latencies, n=100, method="inclusive")
    return Figures(
        subject,
        way,
        cap,
        files,
        len(log),
        seconds,
        len(log) / seconds,
        centiles[49],
        centiles[94],
        centiles[98],
        busy=sum(each["working_seconds"] for each in log) / (slots * seconds),
        bound_seconds=bound,
        above_bound=seconds / bound - 1,
        late=sum(map(bool, (each["is_late"] for each in log))),
        cold=sum(map(bool, (each["is_cold"] for each in log))),
    )
