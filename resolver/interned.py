"""A graph as numbers, made from strings once and never changed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import cast

import numpy as np

from resolver.adjacency import Adjacency, IntArray
from resolver.key_index import UNKNOWN, KeyIndex, object_array
from resolver.keys import Key


@dataclass(frozen=True, eq=False)
class Interned:
    """Keys are numbered in code point order; names that no file has come behind them.

    A row of `probes` holds the names under which one file looked for its dependencies,
    hits and misses: the hits are its dependencies. `probed_by` are the same edges the
    other way round, less the repetitions that a file may have written. `references`
    keeps what a file wrote where that is more than plain keys, to be looked for again.
    """

    index: KeyIndex
    missing: Mapping[Key, int]
    probes: Adjacency
    probed_by: Adjacency
    references: Mapping[int, tuple[Key, ...]]

    @classmethod
    def from_probes(
        cls,
        index: KeyIndex,
        missing: Mapping[Key, int],
        probes: Adjacency,
        references: Mapping[int, tuple[Key, ...]],
    ) -> "Interned":
        """Turns the edges round once, and keeps both directions."""
        probed_by = probes.transposed(len(index) + len(missing))
        return cls(index, missing, probes, probed_by, references)

    @property
    def name_count(self) -> int:
        return len(self.index) + len(self.missing)

    @cached_property
    def missing_names(self) -> list[Key]:
        return list(self.missing)

    @cached_property
    def dependents(self) -> Adjacency:
        """From each key to those that depend on it, itself left out."""
        whole = self.probed_by.head(len(self.index))
        itself = whole.targets == whole.owners()
        return whole.without(itself) if itself.any() else whole

    def find(self, name: Key) -> int | None:
        number = self.index.find(name)
        return self.missing.get(name) if number == UNKNOWN else number

    def find_all(self, names: Collection[Key]) -> IntArray:
        """The numbers of those names that are known, ascending, each once."""
        found = self.index.find_all(names, count=len(names), unknown=_Known(self.missing))
        marks = np.zeros(self.name_count, np.bool_)
        marks[found[found != UNKNOWN]] = True
        return np.flatnonzero(marks).astype(np.int32)

    def name(self, number: int) -> Key:
        if number >= len(self.index):
            return self.missing_names[number - len(self.index)]
        return cast("Key", self.index.keys[number])


def intern(dependencies: Mapping[Key, Iterable[Key]]) -> Interned:
    """Number the keys, and take every dependency for a key of exactly that name."""
    keys = list(dependencies)
    # The first speaks for all: strings and others can't be sorted together.
    _refuse_other_than_strings(set(map(type, keys[:1])))
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int32)
    index = KeyIndex(object_array(keys)[order])
    del keys
    missing = _Numbering(len(index))
    # Rows are read in the order in which they lie in memory, and put in order as numbers.
    literal = _numbered(list(dependencies.values()), index, missing)
    targets, counts = literal.gather(order)
    del literal, order  # so that this memory serves the next step
    return Interned.from_probes(index, missing, Adjacency.from_counts(counts, targets), {})


def _numbered(rows: list[Iterable[Key]], index: KeyIndex, missing: "_Numbering") -> Adjacency:
    """The rows as they are given, in numbers."""
    sized = _sized(rows)
    counts = np.fromiter(map(len, sized), np.int32, len(sized))
    total = int(counts.sum(dtype=np.int64))
    numbers = index.find_all(chain.from_iterable(sized), count=total, unknown=missing)
    return Adjacency.from_counts(counts, numbers)


class _Numbering(dict[Key, int]):
    """Gives each name that is asked for the first time the next number."""

    def __init__(self, first: int) -> None:
        self._first = first

    def __missing__(self, name: Key) -> int:
        _refuse_other_than_strings({type(name)})
        number = self[name] = self._first + len(self)
        return number


class _Known:
    """Answers with `UNKNOWN` for what a mapping does not have."""

    def __init__(self, numbers: Mapping[Key, int]) -> None:
        self._numbers = numbers

    def __getitem__(self, name: Key) -> int:
        return self._numbers.get(name, UNKNOWN)


def _refuse_other_than_strings(kinds: set[type]) -> None:
    for kind in kinds:
        if not issubclass(kind, str):
            raise TypeError(f"keys and dependencies are strings, not {kind.__name__}")


def _sized(rows: list[Iterable[Key]]) -> list[Collection[Key]]:
    """Rows that can be counted before they are read."""
    kinds = set(map(type, rows))
    if any(issubclass(kind, str) for kind in kinds):
        raise TypeError("the dependencies of a key are a collection of strings, not one string")
    if all(issubclass(kind, Collection) for kind in kinds):
        return cast("list[Collection[Key]]", rows)
    return [tuple(row) for row in rows]
