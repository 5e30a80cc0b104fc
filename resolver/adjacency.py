"""Rows of numbers, stored one behind the other. Knows nothing of keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

IntArray: TypeAlias = npt.NDArray[np.int32]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

_PIECE = 1 << 18
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
        packed = rows.astype(np.int64)
        packed <<= 32
        packed |= targets
        return cls._from_packed(packed, row_count)

    @classmethod
    def _from_packed(cls, packed: npt.NDArray[np.int64], row_count: int) -> "Adjacency":
        """Rows from edges whose row is in the upper half of a number; overwrites `packed`."""
        packed.sort()
        repeated = np.zeros(packed.size, np.bool_)
        np.equal(packed[1:], packed[:-1], out=repeated[1:])
        targets = packed.astype(np.int32)
        packed >>= 32
        counts = np.bincount(packed, minlength=row_count)
        counts -= np.bincount(packed[repeated], minlength=row_count)
        del packed
        return cls.from_counts(counts, targets[~repeated] if repeated.any() else targets)

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
        # Piece by piece, since memory is scarce while a large graph is made.
        for first in range(0, order.size, _PIECE):
            gathered, _ = self.gather(order[first : first + _PIECE])
            targets[filled : filled + gathered.size] = gathered
            filled += gathered.size
        return Adjacency.from_counts(self.degrees()[order], targets)

    def without(self, dropped: BoolArray) -> "Adjacency":
        """The same rows less some targets, marked where they stand in `targets`."""
        kept = ~dropped
        counts = np.bincount(self.owners()[kept], minlength=len(self))
        return Adjacency.from_counts(counts, self.targets[kept])

    def transposed(self, row_count: int) -> "Adjacency":
        """The same edges seen from their targets, without repetitions."""
        packed = np.repeat(np.arange(len(self), dtype=np.int64), self.degrees())
        # Piece by piece, since memory is at its peak here.
        for first in range(0, packed.size, _PIECE):
            piece = slice(first, first + _PIECE)
            packed[piece] |= self.targets[piece].astype(np.int64) << 32
        return Adjacency._from_packed(packed, row_count)

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


def _places(first: IntArray, counts: IntArray) -> IntArray:
    """`first`, `first + 1`, ... as often as each row is long, for all rows."""
    ends = np.cumsum(counts, dtype=np.int32)
    places: IntArray = np.repeat(first - ends + counts, counts)
    places += np.arange(places.size, dtype=np.int32)
    return places
