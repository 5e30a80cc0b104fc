"""Strongly connected components. Knows nothing of keys."""

import numpy as np

from resolver.adjacency import Adjacency, IntArray

_FEW_EDGES = 20_000


def strong_components(adjacency: Adjacency) -> IntArray:
    """For each row the number of its component; components count from 0 in no set order.

    Rows must hold no target twice. The cycles of a real import graph are small and are
    searched here, since importing scipy alone takes longer; large ones are left to scipy.
    """
    if adjacency.targets.size <= _FEW_EDGES:
        return np.array(_PathSearch(adjacency).labels(), np.int32)
    return _by_scipy(adjacency)


def _by_scipy(adjacency: Adjacency) -> IntArray:
    # Imported where it is needed: it takes a quarter of a second and 30 MB.
    # scipy publishes no types.
    from scipy.sparse import csr_array  # type: ignore[import-untyped] # noqa: PLC0415
    from scipy.sparse.csgraph import (  # type: ignore[import-untyped] # noqa: PLC0415
        connected_components,
    )

    weights = np.ones(adjacency.targets.size, np.int8)
    size = len(adjacency)
    matrix = csr_array((weights, adjacency.targets, adjacency.starts), shape=(size, size))
    _, labels = connected_components(matrix, directed=True, connection="strong")
    return np.asarray(labels, np.int32)


class _PathSearch:
    """Gabow's path-based search, with a stack of its own in place of recursion.

    `path` holds the rows that are not yet in a component, in the order of their visit,
    `place` where each stands in it, `bounds` the places where something begins that may
    still be a component of its own.
    """

    def __init__(self, adjacency: Adjacency) -> None:
        size = len(adjacency)
        self._unseen = [iter(adjacency.row(row)) for row in range(size)]
        self._label, self._place = [-1] * size, [-1] * size
        self._path: list[int] = []
        self._bounds: list[int] = []
        self._components = 0

    def labels(self) -> list[int]:
        for root in range(len(self._label)):
            if self._place[root] < 0:
                self._search(root)
        return self._label

    def _search(self, root: int) -> None:
        self._enter(root)
        calls = [root]
        while calls:
            deeper = self._next_new_target(calls[-1])
            if deeper is None:
                self._leave(calls.pop())
            else:
                self._enter(deeper)
                calls.append(deeper)

    def _enter(self, row: int) -> None:
        self._place[row] = len(self._path)
        self._bounds.append(len(self._path))
        self._path.append(row)

    def _next_new_target(self, row: int) -> int | None:
        for target in self._unseen[row]:
            if self._place[target] < 0:
                return target
            if self._label[target] < 0:
                # A way back into the path: all behind that place is one component.
                while self._bounds[-1] > self._place[target]:
                    self._bounds.pop()
        return None

    def _leave(self, row: int) -> None:
        place = self._place[row]
        if self._bounds[-1] != place:
            return
        self._bounds.pop()
        for member in self._path[place:]:
            self._label[member] = self._components
        del self._path[place:]
        self._components += 1
