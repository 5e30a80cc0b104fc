"""Rows of numbers, stored one behind the other. Knows nothing of keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

IntArray: TypeAlias = npt.NDArray[np.int32]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

# Where memory is scarce, as many edges, or rows, are worked on at a time.
_PIECE = 1 << 16

# An integer of another width would take the slow path of `at`, fifty times as slow.
_ONE = np.int32(1)

_MOST_EDGES = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """Row `i` is `targets[starts[i]:starts[i + 1]]`."""

    starts: IntArray
    targets: IntArray

    @classmethod
    def from_counts(cls, counts: npt.NDArray[np.integer], targets: IntArray) -> "Adjacency":
        """Rows given by their lengths. More than 2^31 - 1 edges are refused."""
        if targets.size > _MOST_EDGES:
            raise OverflowError(f"{targets.size} edges do not fit 32 bits; split the graph")
        starts = np.zeros(counts.size + 1, np.int32)
        np.cumsum(counts, out=starts[1:])
        return cls(starts, targets)

    @classmethod
    def from_pairs(cls, rows: IntArray, targets: IntArray, row_count: int) -> "Adjacency":
        """Rows from edges in any order: each row ascends and holds no target twice."""
        packed = _packed(rows, targets)
        packed.sort()
        packed = packed[np.diff(packed, prepend=-1) != 0]
        counts = np.bincount(packed >> 32, minlength=row_count)
        return cls.from_counts(counts, packed.astype(np.int32))

    def __len__(self) -> int:
        return self.starts.size - 1

    def row(self, number: int) -> list[int]:
        row: list[int] = self.targets[self.starts[number] : self.starts[number + 1]].tolist()
        return row

    def degree(self, number: int) -> int:
        return int(self.starts[number + 1] - self.starts[number])

    def degrees(self) -> IntArray:
        return np.diff(self.starts)

    def owners(self) -> IntArray:
        """For each target the row that it stands in."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.degrees())

    def loops(self) -> BoolArray:
        """For each target whether it is the row that it stands in."""
        found = np.empty(self.targets.size, np.bool_)
        for piece, owners in self._pieces():
            np.equal(self.targets[piece], owners, out=found[piece])
        return found

    def in_degrees(self, row_count: int) -> IntArray:
        """How often each row is a target."""
        counts = np.zeros(row_count, np.int32)
        np.add.at(counts, self.targets, _ONE)
        return counts

    def head(self, row_count: int) -> "Adjacency":
        """The first rows, not copied."""
        return Adjacency(self.starts[: row_count + 1], self.targets[: self.starts[row_count]])

    def gather(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """The targets of some rows, one row behind the other, and the length of each."""
        first = self.starts[rows]
        counts = self.starts[rows + 1] - first
        return self.targets[_places(first, counts)], counts

    def moved(self, places: IntArray) -> "Adjacency":
        """Row `i` becomes row `places[i]`."""
        if (places[1:] > places[:-1]).all():
            return self
        order = np.empty(places.size, np.int32)
        order[places] = np.arange(places.size, dtype=np.int32)
        targets = np.empty_like(self.targets)
        filled = 0
        for first in range(0, order.size, _PIECE):
            gathered, _ = self.gather(order[first : first + _PIECE])
            targets[filled : filled + gathered.size] = gathered
            filled += gathered.size
        return Adjacency.from_counts(self.degrees()[order], targets)

    def without(self, dropped: BoolArray) -> "Adjacency":
        """The same rows less some targets, marked where they stand in `targets`."""
        return Adjacency(self._starts_without(dropped), self.targets[~dropped])

    def transposed(self, row_count: int) -> "Adjacency":
        """The same edges seen from their targets, without repetitions.

        Each row has its places reserved, and they are filled piece by piece. To sort all edges
        at once takes as long, and twice the memory.
        """
        turned = Adjacency.from_counts(self.in_degrees(row_count), np.empty_like(self.targets))
        free = turned.starts[:-1].copy()
        for piece, owners in self._pieces():
            packed = _packed(self.targets[piece], owners)
            packed.sort()
            rows = (packed >> 32).astype(np.int32)
            begins = np.flatnonzero(np.diff(rows, prepend=np.int32(-1))).astype(np.int32)
            lengths = np.diff(begins, append=np.int32(rows.size))
            turned.targets[_places(free[rows[begins]], lengths)] = packed
            free[rows[begins]] += lengths
        return turned._without_repetitions()

    def with_rows(self, replaced: Mapping[int, Sequence[int]], row_count: int) -> "Adjacency":
        """A copy with other rows here and there, lengthened with empty rows to `row_count`."""
        first = np.zeros(row_count, np.int32)
        first[: len(self)] = self.starts[:-1]
        counts = np.zeros(row_count, np.int32)
        counts[: len(self)] = self.degrees()
        numbers = np.fromiter(replaced, np.int32, len(replaced))
        lengths = np.fromiter(map(len, replaced.values()), np.int32, len(replaced))
        first[numbers] = self.targets.size + np.cumsum(lengths) - lengths
        counts[numbers] = lengths
        added = np.fromiter(chain.from_iterable(replaced.values()), np.int32)
        pool = np.concatenate((self.targets, added))
        return Adjacency.from_counts(counts, pool[_places(first, counts)])

    def _pieces(self) -> Iterator[tuple[slice, IntArray]]:
        """Where some targets stand, and the rows that these stand in, one piece after the other."""
        for first in range(0, self.targets.size, _PIECE):
            end = min(first + _PIECE, self.targets.size)
            # A number of another width would have all starts converted first.
            low = int(np.searchsorted(self.starts, np.int32(first), "right")) - 1
            high = int(np.searchsorted(self.starts, np.int32(end), "left"))
            bounds = np.clip(self.starts[low : high + 1], first, end)
            owners = np.repeat(np.arange(low, high, dtype=np.int32), np.diff(bounds))
            yield slice(first, end), owners

    def _without_repetitions(self) -> "Adjacency":
        """The same, where a target follows itself in a row; overwrites `targets`."""
        repeated = np.zeros(self.targets.size, np.bool_)
        np.equal(self.targets[1:], self.targets[:-1], out=repeated[1:])
        repeated[self.starts[:-1][self.degrees() > 0]] = False
        if not repeated.any():
            return self
        filled = 0
        for first in range(0, repeated.size, _PIECE):
            piece = slice(first, first + _PIECE)
            kept = self.targets[piece][~repeated[piece]]
            self.targets[filled : filled + kept.size] = kept
            filled += kept.size
        return Adjacency(self._starts_without(repeated), self.targets[:filled])

    def _starts_without(self, dropped: BoolArray) -> IntArray:
        fewer = np.searchsorted(np.flatnonzero(dropped), self.starts)
        starts: IntArray = self.starts - fewer.astype(np.int32)
        return starts


def _packed(rows: IntArray, targets: IntArray) -> npt.NDArray[np.int64]:
    """Edges as numbers that sort by row, then target."""
    packed = rows.astype(np.int64)
    packed <<= 32
    packed |= targets
    return packed


def _places(first: IntArray, counts: IntArray) -> IntArray:
    """`first`, `first + 1`, ... as often as each row is long, for all rows."""
    ends = np.cumsum(counts, dtype=np.int32)
    places: IntArray = np.repeat(first - ends + counts, counts)
    places += np.arange(places.size, dtype=np.int32)
    return places
