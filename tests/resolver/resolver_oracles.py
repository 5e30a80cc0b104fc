"""Graphs to draw, and slow, plain answers to compare with."""

import random
from collections.abc import Mapping, Sequence

import networkx as nx
from hypothesis import strategies as st

from resolver import Plan, probes

Dependencies = Mapping[str, Sequence[str]]

PLAIN_NAMES = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "B",
    "a/b",
    "a10",
    "a2",
    "é",
    "\uffff",
    "\U0001f600",
    "\ud800",
]

# Names of which one often means another.
BENT_NAMES = [
    *["a", "./a", "a?x#y", "a.ts", "a.gts", "a/index.ts", "a#1", "", "/a", "..", "./"],
    *["d/a", "d/./a", "d/a.ts", "../a", "d/../a", "./d/a", "e\u0301", "\u00e9", "\ud800"],
    *["http://h/a", "http://h/a?q", "http://h/b"],
]


def graphs(names: Sequence[str]) -> st.SearchStrategy[dict[str, list[str]]]:
    """Any graph over some of the names: cyclic, with loops, repetitions and missing names."""
    some = st.sampled_from(names)
    return st.dictionaries(some, st.lists(some, max_size=5), max_size=len(names))


def edits(names: Sequence[str]) -> st.SearchStrategy[dict[str, list[str] | None]]:
    some = st.sampled_from(names)
    return st.dictionaries(some, st.none() | st.lists(some, max_size=4), max_size=4)


def random_graph(size: int, *, edges_per_key: int, cycles: int, seed: int) -> dict[str, list[str]]:
    """Large enough to leave the paths for small graphs; a few edges lead backwards."""
    chance = random.Random(seed)
    keys = [f"{chance.randrange(100)}/{i}" for i in range(size)]
    graph = {
        key: [keys[chance.randrange(i)] for _ in range(edges_per_key)] if i else []
        for i, key in enumerate(keys)
    }
    for _ in range(cycles):
        graph[chance.choice(keys)].append(chance.choice(keys))
    return graph


def patched(
    dependencies: Dependencies, changes: Mapping[str, Sequence[str] | None]
) -> Dependencies:
    after = {**dependencies, **changes}
    return {key: row for key, row in after.items() if row is not None}


def looked_for(dependencies: Dependencies) -> dict[str, set[str]]:
    """For each key the names under which its dependencies are looked for, up to the hits."""
    tried: dict[str, set[str]] = {}
    for key, references in dependencies.items():
        tried[key] = set()
        for reference in references:
            for name in probes(reference, base=key.rpartition("/")[0]):
                tried[key].add(name)
                if name in dependencies:
                    break
    return tried


def digraph(dependencies: Dependencies) -> "nx.DiGraph[str]":
    """An edge leads from a key to what it depends on; missing names are left out."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(dependencies)
    for key, names in looked_for(dependencies).items():
        graph.add_edges_from((key, name) for name in names if name in dependencies)
    return graph


def expected_layers(graph: "nx.DiGraph[str]") -> list[list[str]]:
    """Heights are longest paths between components; order is by the rule."""
    condensed = nx.condensation(graph)
    height: dict[int, int] = {}
    for unit in reversed(list(nx.topological_sort(condensed))):
        height[unit] = 1 + max((height[below] for below in condensed[unit]), default=-1)
    members = condensed.nodes(data="members")
    ranked = sorted((height[unit], min(keys), sorted(keys)) for unit, keys in members)
    layers: list[list[str]] = [[] for _ in range(1 + max(height.values(), default=-1))]
    for level, _, keys in ranked:
        layers[level].extend(keys)
    return layers


def assert_plan_of(plan: Plan, graph: "nx.DiGraph[str]") -> None:
    """The plan says of a graph what networkx says of it."""
    layers = expected_layers(graph)
    components = list(nx.strongly_connected_components(graph))
    assert [list(layer) for layer in plan.layers] == layers
    assert list(plan.order) == [key for layer in layers for key in layer]
    assert len(plan) == len(graph)
    assert all(plan.height(key) == level for level, layer in enumerate(layers) for key in layer)
    assert plan.max_layer_width == max(map(len, layers), default=0)
    assert plan.topo_depth == len(layers)
    assert plan.units == len(components)
    assert list(plan.cycles) == sorted(tuple(sorted(c)) for c in components if len(c) > 1)
