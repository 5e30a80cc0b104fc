"""Everything that some rows lead to, near or far. Knows nothing of keys."""

from collections import deque

import numpy as np
import numpy.typing as npt

from resolver.adjacency import Adjacency, IntArray

NARROW = 64
"""Waves of fewer rows are walked in Python: numpy's calls would cost more than the rows."""

LONG = 512
"""Waves of more edges are left to numpy, however few rows they come from."""

Marks = npt.NDArray[np.uint8]


def reach(adjacency: Adjacency, seeds: IntArray) -> IntArray:
    """The seeds and what they lead to, over any number of steps, ascending."""
    seen = np.zeros(len(adjacency), np.uint8)
    seen[seeds] = 1
    wave, scratch = seeds, np.empty(len(adjacency), np.int32)
    while wave.size:
        step = _one_by_one if is_narrow(adjacency, wave) else _at_once
        wave = step(adjacency, seen, wave, scratch)
    return np.flatnonzero(seen).astype(np.int32)


def is_narrow(adjacency: Adjacency, wave: IntArray) -> bool:
    """Whether a wave is walked faster in Python than at once."""
    if wave.size >= NARROW:
        return False
    return int((adjacency.starts[wave + 1] - adjacency.starts[wave]).sum()) <= LONG


def distinct(rows: IntArray, scratch: IntArray) -> IntArray:
    """Each row once, in linear time. `scratch` has a place for every row, of any content."""
    places = np.arange(rows.size, dtype=np.int32)
    scratch[rows] = places
    once: IntArray = rows[scratch[rows] == places]
    return once


def _at_once(adjacency: Adjacency, seen: Marks, wave: IntArray, scratch: IntArray) -> IntArray:
    targets, _ = adjacency.gather(wave)
    fresh = distinct(targets[seen[targets] == 0], scratch)
    seen[fresh] = 1
    return fresh


def _one_by_one(adjacency: Adjacency, seen: Marks, wave: IntArray, _: IntArray) -> IntArray:
    """Go on for as long as the waves stay narrow; return the rows that are left."""
    starts, targets, marks = adjacency.starts.data, adjacency.targets.data, seen.data
    left: deque[int] = deque(wave.tolist())
    while left and len(left) < NARROW:
        row = left[0]
        first, end = starts[row], starts[row + 1]
        if end - first > LONG:
            break
        left.popleft()
        for target in targets[first:end].tolist():
            if not marks[target]:
                marks[target] = 1
                left.append(target)
    return np.array(left, np.int32)
