"""Turn a graph of strings into numbers. Takes references literally: knows no suffixes."""

from array import array
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import cast

import numpy as np

from resolver.adjacency import Adjacency, IntArray
from resolver.interned import Interned
from resolver.key_index import Identities, KeyIndex, object_array
from resolver.keys import Key
from resolver.word_table import UNKNOWN

# So many rows at a time: their strings stay in the processor's cache between the steps.
_ROWS = 1 << 9
_NAMES = 1 << 12

# Room for so many dependencies of each key costs nothing: pages that are not touched are not
# there. Files that name more on average than this are rare.
_RESERVED = 8


def intern(dependencies: Mapping[Key, Iterable[Key]]) -> Interned:
    """Number the keys, and take every dependency for a key of exactly that name.

    Nearly all of the time goes into waiting for strings that lie all over the memory. What
    did not help: a dict in place of the tables; sorting the first bytes of the keys as
    numbers, which is faster for keys in no order and slower for keys nearly in order; a pause
    of the garbage collector, which so few new containers hardly wake.
    """
    keys = list(dependencies)
    # The first speaks for all: strings and others can't be sorted together.
    _refuse_other_than_strings(set(map(type, keys[:1])))
    index = KeyIndex(object_array(sorted(keys)))
    numbering = _Numbering(index)
    place = numbering.of(keys)
    del keys
    literal = _read(dependencies, numbering)
    missing = numbering.missing
    del numbering  # so that its memory serves the next step
    probes = literal.moved(place)
    del literal, place
    return Interned.from_probes(index, missing, probes, {})


def _read(dependencies: Mapping[Key, Iterable[Key]], numbering: "_Numbering") -> Adjacency:
    """The rows as they come, in numbers."""
    lengths, numbers = array("i"), _Reserve(_RESERVED * len(dependencies))
    remaining = iter(dependencies.values())
    while some := list(islice(remaining, _ROWS)):
        names, counts = _joined(some)
        lengths.extend(counts)
        numbers.append(numbering.of(names))
    return Adjacency.from_counts(np.asarray(lengths), numbers.finished())


class _Reserve:
    """Numbers that are put one behind the other into memory that is touched only then.

    An array that grows bit by bit is moved again and again, and leaves holes that
    stay with the process.
    """

    def __init__(self, room: int) -> None:
        self._numbers = np.empty(room, np.int32)
        self._filled = 0

    def append(self, numbers: IntArray) -> None:
        end = self._filled + numbers.size
        if end > self._numbers.size:
            roomier = np.empty(2 * end, np.int32)
            roomier[: self._filled] = self._numbers[: self._filled]
            self._numbers = roomier
        self._numbers[self._filled : end] = numbers
        self._filled = end

    def finished(self) -> IntArray:
        return self._numbers[: self._filled]


def _joined(rows: list[Iterable[Key]]) -> tuple[list[Key], list[int]]:
    """The names of all rows, one row behind the other, and the length of each."""
    sized = _sized(rows)
    names: list[Key] = []
    # Each row at once: going through them name by name takes three times as long.
    deque(map(names.extend, sized), maxlen=0)
    counts = list(map(len, sized))
    if sum(counts) != len(names):
        raise RuntimeError(f"{sum(counts)} dependencies were announced and {len(names)} came")
    return names, counts


class _Numbering:
    """Gives each name its number; a name that is no key gets the next one behind the keys.

    A name is looked for as an object first, and as a string where that fails. Once
    most objects of a piece were none of the keys, nothing is looked for as an object.
    """

    def __init__(self, index: KeyIndex) -> None:
        self.missing = _Missing(len(index))
        self._index = index
        self._identities: Identities | None = Identities(index.keys)

    def of(self, names: list[Key]) -> IntArray:
        numbers = np.empty(len(names), np.int32)
        for first in range(0, len(names), _NAMES):
            piece = names[first : first + _NAMES]
            numbers[first : first + len(piece)] = self._of_piece(piece)
        return numbers

    def _of_piece(self, names: list[Key]) -> IntArray:
        if self._identities is None:
            return self._index.find_all(names, unknown=self.missing)
        found = self._identities.find(object_array(names))
        strange = np.flatnonzero(found == UNKNOWN)
        if strange.size:
            others = [names[place] for place in strange.tolist()]
            found[strange] = self._index.find_all(others, unknown=self.missing)
        if strange.size > len(names) // 2:
            self._identities = None
        return found


class _Missing(dict[Key, int]):
    """Gives each name that is asked for the first time the next number."""

    def __init__(self, first: int) -> None:
        self._first = first

    def __missing__(self, name: Key) -> int:
        _refuse_other_than_strings({type(name)})
        number = self[name] = self._first + len(self)
        return number


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
