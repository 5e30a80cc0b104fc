"""A graph as numbers. Does not know how it was made."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from resolver.adjacency import Adjacency, IntArray
from resolver.key_index import KeyIndex
from resolver.keys import Key
from resolver.word_table import UNKNOWN


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
        itself = whole.loops()
        return whole.without(itself) if itself.any() else whole

    def find(self, name: Key) -> int | None:
        number = self.index.find(name)
        return self.missing.get(name) if number == UNKNOWN else number

    def find_all(self, names: Collection[Key]) -> IntArray:
        """The numbers of those names that are known, ascending, each once."""
        found = self.index.find_all(list(names), unknown=_Known(self.missing))
        marks = np.zeros(self.name_count, np.bool_)
        marks[found[found != UNKNOWN]] = True
        return np.flatnonzero(marks).astype(np.int32)

    def name(self, number: int) -> Key:
        if number >= len(self.index):
            return self.missing_names[number - len(self.index)]
        return cast("Key", self.index.keys[number])


class _Known:
    """Answers with `UNKNOWN` for what a mapping does not have."""

    def __init__(self, numbers: Mapping[Key, int]) -> None:
        self._numbers = numbers

    def __getitem__(self, name: Key) -> int:
        return self._numbers.get(name, UNKNOWN)
