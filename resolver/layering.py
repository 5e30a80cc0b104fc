"""Topological layers of a graph that may have cycles. Knows nothing of keys."""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from resolver.adjacency import Adjacency, IntArray
from resolver.components import strong_components
from resolver.reach import LONG, NARROW, distinct, is_narrow


@dataclass(frozen=True, slots=True, eq=False)
class Layering:
    """`heights[i]` is the layer of row `i`, `components[i]` the first row of its component."""

    heights: IntArray
    components: IntArray

    def unit_count(self) -> int:
        """How many components there are."""
        return int((self.components == np.arange(self.components.size)).sum())

    def widths(self) -> list[int]:
        """How many rows each layer has."""
        widths: list[int] = np.bincount(self.heights).tolist()
        return widths

    def cycles(self) -> list[list[int]]:
        """The components of more than one row, by their first row; rows ascend."""
        sizes = np.bincount(self.components, minlength=self.components.size)
        members = np.flatnonzero(sizes[self.components] > 1)
        members = members[np.argsort(self.components[members], kind="stable")]
        _, starts = np.unique(self.components[members], return_index=True)
        return [cycle.tolist() for cycle in np.split(members, starts[1:])] if starts.size else []

    def sequence(self) -> IntArray:
        """All rows by height, then component, then row."""
        heights = self.heights
        if self.unit_count() < heights.size:
            return np.lexsort((self.components, heights)).astype(np.int32)
        # Numbers of 16 bits are sorted by radix, several times as fast.
        narrow = heights.astype(np.uint16) if heights.max(initial=0) < 1 << 16 else heights
        return np.argsort(narrow, kind="stable").astype(np.int32)


def layer(dependents: Adjacency) -> Layering:
    """Height 0 waits for nothing; members of one component share a height.

    `dependents` leads from a row to those that wait for it, without loops and
    repetitions. First all that is not behind a cycle is peeled off. What remains is
    contracted to its components and peeled again, from where the first peeling left it.
    """
    size = len(dependents)
    waiting = dependents.in_degrees(size)
    heights, components = np.zeros(size, np.int32), np.arange(size, dtype=np.int32)
    peel(dependents, waiting, heights)
    rest = np.flatnonzero(waiting).astype(np.int32)
    if rest.size:
        heights[rest], components[rest] = _layer_cyclic(dependents, rest, heights[rest])
    return Layering(heights, components)


def peel(dependents: Adjacency, waiting: IntArray, heights: IntArray) -> None:
    """Take rows away that wait for nothing, and those that then wait for nothing, and so on.

    `waiting` counts for each row what it waits for; whatever stays above 0 is on a cycle
    or behind one. `heights` is raised in place: each row to one more than the highest
    that it waits for, also where the row itself is not taken.
    """
    peeling = _Peeling(waiting, heights, np.empty(len(dependents), np.int32))
    wave = np.flatnonzero(waiting == 0).astype(np.int32)
    while wave.size:
        step = _one_by_one if is_narrow(dependents, wave) else _at_once
        wave = step(dependents, peeling, wave)


class _Peeling(NamedTuple):
    """What is known of each row while rows are taken away."""

    waiting: IntArray
    heights: IntArray
    scratch: IntArray


def contract(dependents: Adjacency, components: IntArray) -> Adjacency:
    """The same rows, where edges inside a component go and all others join its first row.

    An edge is repeated as often as members of the one component have it to the other.
    """
    targets = components[dependents.targets]
    between = dependents.without(targets == components[dependents.owners()])
    members = np.argsort(components, kind="stable").astype(np.int32)
    joined, lengths = between.gather(members)
    counts = np.bincount(components[members], weights=lengths, minlength=len(dependents))
    return Adjacency.from_counts(counts.astype(np.int32), components[joined])


def _layer_cyclic(
    dependents: Adjacency, rest: IntArray, floors: IntArray
) -> tuple[IntArray, IntArray]:
    """Heights and components of the rows that lie on a cycle or behind one."""
    inner = _induced(dependents, rest)
    first = _first_members(strong_components(inner))
    heights = np.zeros(rest.size, np.int32)
    np.maximum.at(heights, first, floors)
    contracted = contract(inner, first)
    waiting = contracted.in_degrees(rest.size)
    peel(contracted, waiting, heights)
    return heights[first], rest[first]


def _induced(dependents: Adjacency, rest: IntArray) -> Adjacency:
    """Nothing has to be filtered out: what waits for a row of the rest is in the rest."""
    number = np.zeros(len(dependents), np.int32)
    number[rest] = np.arange(rest.size, dtype=np.int32)
    targets, counts = dependents.gather(rest)
    return Adjacency.from_counts(counts, number[targets])


def _first_members(labels: IntArray) -> IntArray:
    """For each row the smallest row with the same label."""
    first = np.full(labels.size, labels.size, np.int32)
    np.minimum.at(first, labels, np.arange(labels.size, dtype=np.int32))
    return first[labels]


def _at_once(dependents: Adjacency, peeling: _Peeling, wave: IntArray) -> IntArray:
    targets, counts = dependents.gather(wave)
    np.maximum.at(peeling.heights, targets, np.repeat(peeling.heights[wave] + 1, counts))
    # An integer of another width would take the slow path of `at`, fifty times as slow.
    np.subtract.at(peeling.waiting, targets, np.int32(1))
    return distinct(targets[peeling.waiting[targets] == 0], peeling.scratch)


def _one_by_one(dependents: Adjacency, peeling: _Peeling, wave: IntArray) -> IntArray:
    """Go on for as long as the waves stay narrow; return the rows that are left.

    First in, first out: the other way round a wide graph would look narrow to the end.
    """
    starts, all_targets = dependents.starts.data, dependents.targets.data
    waiting, heights = peeling.waiting.data, peeling.heights.data
    left: deque[int] = deque(wave.tolist())
    while left and len(left) < NARROW:
        row = left[0]
        first, end = starts[row], starts[row + 1]
        if end - first > LONG:
            break
        left.popleft()
        height = heights[row] + 1
        for target in all_targets[first:end].tolist():
            # A call of max() for every edge would be most of this loop's time.
            if heights[target] < height:  # noqa: PLR1730
                heights[target] = height
            waiting[target] -= 1
            if not waiting[target]:
                left.append(target)
    return np.array(left, np.int32)
