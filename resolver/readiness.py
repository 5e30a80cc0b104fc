"""Which rows may start now, the most urgent first. Knows nothing of keys or files."""

from heapq import heapify, heappop, heappush

import numpy as np

from resolver.adjacency import Adjacency, IntArray
from resolver.layering import Layering, contract, peel


class Readiness:
    """Counts down what each component waits for outside itself.

    A component waits for edges, not for components: when the last row it depends on is
    finished, all its rows are free at once. A row is the more urgent the longer the
    chain that waits behind it, so that a bounded number of visitors ends early; among
    equals the sequence of the plan decides.
    """

    def __init__(self, dependents: Adjacency, layering: Layering, sequence: IntArray) -> None:
        components = layering.components
        self._dependents, self._components = dependents, components.data
        self._cycles = {cycle[0]: cycle for cycle in layering.cycles()}
        waiting = _edges_from_outside(dependents, components)
        self._waiting = waiting.data
        chains = _chains(dependents, components)
        self._chains = chains.data
        place = np.argsort(-chains[sequence], kind="stable")
        self._by_rank = sequence[place]
        rank = np.empty(sequence.size, np.int32)
        rank[self._by_rank] = np.arange(sequence.size, dtype=np.int32)
        self._rank = rank.data
        self._free: list[int] = rank[waiting[components] == 0].tolist()
        heapify(self._free)

    def __len__(self) -> int:
        """How many rows are free and were not taken yet."""
        return len(self._free)

    def take(self, limit: int | None) -> list[int]:
        """Rows that are free and were not taken yet, at most `limit`, most urgent first."""
        if limit is None or limit >= len(self._free):
            ranks, self._free = sorted(self._free), []
        else:
            ranks = [heappop(self._free) for _ in range(limit)]
        rows: list[int] = self._by_rank[ranks].tolist() if ranks else []
        return rows

    def behind(self, row: int) -> int:
        """How many layers wait behind a row."""
        return self._chains[row]

    def behind_next(self) -> int:
        """The same of the most urgent row that is free; -1 if none is."""
        return self._chains[self._by_rank[self._free[0]]] if self._free else -1

    def finish(self, row: int) -> None:
        """One that was taken need no longer be waited for."""
        own = self._components[row]
        for dependent in self._dependents.row(row):
            component = self._components[dependent]
            if component != own:
                self._waiting[component] -= 1
                if not self._waiting[component]:
                    self._release(component)

    def _release(self, component: int) -> None:
        for row in self._cycles.get(component, (component,)):
            heappush(self._free, self._rank[row])


def _edges_from_outside(dependents: Adjacency, components: IntArray) -> IntArray:
    """For each component, at its first row, how many edges lead into it."""
    targets = components[dependents.targets]
    outside = targets != components[dependents.owners()]
    return np.bincount(targets[outside], minlength=len(dependents)).astype(np.int32)


def _chains(dependents: Adjacency, components: IntArray) -> IntArray:
    """For each row the number of layers that wait behind it: heights from the far end."""
    size = len(dependents)
    behind = contract(dependents, components).transposed(size)
    waiting = behind.in_degrees(size)
    chains = np.zeros(size, np.int32)
    peel(behind, waiting, chains)
    return chains[components]
