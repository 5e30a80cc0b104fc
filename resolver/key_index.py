"""From keys to numbers and back: a key's number is its place in code point order."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from resolver.adjacency import IntArray
from resolver.keys import Key
from resolver.word_table import UNKNOWN, WordArray, WordTable

KeyArray: TypeAlias = npt.NDArray[np.object_]

# Small enough that the strings of a piece stay in the processor's cache between the steps.
_PIECE = 1 << 11


class Lookup(Protocol):
    """What answers for the keys that an index does not know."""

    def __getitem__(self, key: Key, /) -> int: ...


class KeyIndex:
    """Sorted keys, found one by one by bisection and by the million through a hash table.

    Python hashes, numpy looks up. A hash is a guess: what was found is compared with what
    was asked, so an equal hash never confuses two keys.
    """

    __slots__ = ("_table", "keys")

    def __init__(self, ascending: KeyArray) -> None:
        """`ascending` holds each key once, in code point order; it is kept, not copied."""
        self.keys = ascending
        self._table: WordTable | None = None

    def __len__(self) -> int:
        return self.keys.size

    def find(self, key: Key) -> int:
        """Its number, or `UNKNOWN`."""
        place = bisect_left(self.keys, key)
        return place if place < len(self) and self.keys[place] == key else UNKNOWN

    def find_all(self, keys: Sequence[Key], *, unknown: Lookup) -> IntArray:
        """The number of each; a key that is not here is looked up in `unknown`."""
        numbers = np.empty(len(keys), np.int32)
        for first in range(0, len(keys), _PIECE):
            piece = list(keys[first : first + _PIECE])
            numbers[first : first + len(piece)] = self._find_piece(piece, unknown)
        return numbers

    def _find_piece(self, piece: list[Key], unknown: Lookup) -> IntArray:
        if self._table is None:
            self._table = WordTable(_hashes(self.keys))
        found = self._table.find(_hashes(piece))
        if len(self) and self.keys[found].tolist() == piece:
            return found
        for place in np.flatnonzero(found != UNKNOWN).tolist():
            if self.keys[found[place]] != piece[place]:
                found[place] = self.find(piece[place])
        places = np.flatnonzero(found == UNKNOWN)
        found[places] = [unknown[piece[place]] for place in places.tolist()]
        return found


class Identities:
    """Finds the very objects that the keys of an index are, without a look at their text.

    Where the dependencies of a key are those strings that are also keys, as they are when
    a graph was put together in Python, this is three times as fast as hashing and comparing,
    which touches each string again.
    """

    __slots__ = ("_keys", "_table")

    def __init__(self, keys: KeyArray) -> None:
        """Valid for as long as `keys` is kept and not changed."""
        self._keys = keys
        self._table = WordTable(_addresses(keys))

    def find(self, names: KeyArray) -> IntArray:
        """The place of each in `keys`, `UNKNOWN` for an object that is none of them."""
        return self._table.find(_addresses(names))


def _addresses(keys: KeyArray) -> WordArray:
    """What `id` says of each, in numpy's own memory. Two that live at once never share one."""
    return np.frombuffer(np.ascontiguousarray(keys), np.uintp).astype(np.uint64, copy=False)


def _hashes(keys: Collection[Key]) -> WordArray:
    return np.fromiter(map(hash, keys), np.int64, len(keys)).view(np.uint64)


def object_array(keys: Sequence[Key]) -> KeyArray:
    """An array of references to strings; numpy's own strings can't hold every key."""
    array = np.empty(len(keys), object)
    array[:] = keys
    return array
