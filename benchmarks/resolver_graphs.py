"""Graphs of made-up files, for the resolver's benchmark. Measures nothing."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final

import numpy as np

Dependencies = dict[str, list[str]]

_BLOCK = 1 << 12


def random_graph(nodes: int, edges_per_node: int, cycles: float) -> Dependencies:
    """Each key names earlier ones; of a share `cycles` of the keys two each name each other.

    The strings lie in memory in another order than that of the graph.
    """
    chance = np.random.default_rng(nodes)
    made = [f"package_{i % 997:03}/module_{i:07}.py" for i in range(nodes)]
    keys = [made[i] for i in chance.permutation(nodes)]
    rows = _earlier(chance, nodes, edges_per_node)
    graph = {key: [keys[i] for i in row] for key, row in zip(keys, rows, strict=True)}
    for place in chance.choice(nodes - 1, int(nodes * cycles / 2), replace=False).tolist():
        graph[keys[place]].append(keys[place + 1])
        graph[keys[place + 1]].append(keys[place])
    return graph


def copied_graph(nodes: int, edges_per_node: int, cycles: float) -> Dependencies:
    """The same, where each mention of a key is a string of its own, as after parsing."""
    graph = random_graph(nodes, edges_per_node, cycles)
    return {key: [name.encode().decode() for name in row] for key, row in graph.items()}


def chain(nodes: int, _edges_per_node: int, _cycles: float) -> Dependencies:
    """Each key names the one before it."""
    keys = [f"package_{i % 997:03}/module_{i:07}.py" for i in range(nodes)]
    return {keys[0]: [], **{key: [below] for below, key in pairwise(keys)}}


GRAPHS: Final[Mapping[str, Callable[[int, int, float], Dependencies]]] = {
    "random": random_graph,
    "copied": copied_graph,
    "chain": chain,
}


def hub_of(dependencies: Dependencies) -> str:
    """The first of all keys, which nearly everything reaches."""
    return next(iter(dependencies))


def _earlier(chance: np.random.Generator, nodes: int, edges_per_node: int) -> Iterator[list[int]]:
    """For each node the nodes before it that it names; drawn in blocks, to need little memory."""
    yield []
    for first in range(1, nodes, _BLOCK):
        ends = np.arange(first, min(first + _BLOCK, nodes))[:, None]
        yield from (chance.random((ends.size, edges_per_node)) * ends).astype(np.int64).tolist()
