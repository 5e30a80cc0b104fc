"""From keys to numbers and back: a key's number is its place in code point order."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from resolver.adjacency import BoolArray, IntArray
from resolver.keys import Key

HashArray: TypeAlias = npt.NDArray[np.int64]
KeyArray: TypeAlias = npt.NDArray[np.object_]

UNKNOWN = -1

# Small enough that the strings of a chunk stay in the processor's cache between the steps.
_CHUNK = 1 << 11

# Spreads hashes that differ in few bits over all slots (Fibonacci hashing).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Lookup(Protocol):
    """What answers for the keys that an index does not know."""

    def __getitem__(self, key: Key, /) -> int: ...


class KeyIndex:
    """Sorted keys, found one by one by bisection and by the million through a hash table.

    A look-up in a dict waits for memory four times, one after the other. Here Python
    only hashes; the table is probed by numpy, whose waits overlap, which is about twice
    as fast for a million keys and needs a quarter of the memory. A hash is a guess: what
    was found is compared with what was asked, so an equal hash never confuses two keys.
    """

    __slots__ = ("_table", "keys")

    def __init__(self, ascending: KeyArray) -> None:
        """`ascending` holds each key once, in code point order; it is kept, not copied."""
        self.keys = ascending
        self._table: _HashTable | None = None

    def __len__(self) -> int:
        return self.keys.size

    def find(self, key: Key) -> int:
        """Its number, or `UNKNOWN`."""
        place = bisect_left(self.keys, key)
        return place if place < len(self) and self.keys[place] == key else UNKNOWN

    def find_all(self, keys: Iterable[Key], *, count: int, unknown: Lookup) -> IntArray:
        """The numbers of `count` keys; a key that is not here is looked up in `unknown`."""
        numbers = np.empty(count, np.int32)
        remaining, filled = iter(keys), 0
        while chunk := list(islice(remaining, _CHUNK)):
            numbers[filled : filled + len(chunk)] = self._find_chunk(chunk, unknown)
            filled += len(chunk)
        if filled != count:
            raise RuntimeError(f"{count} keys were announced and {filled} came")
        return numbers

    def _find_chunk(self, chunk: list[Key], unknown: Lookup) -> IntArray:
        if self._table is None:
            self._table = _HashTable(_hashes(self.keys))
        found = self._table.find(_hashes(chunk))
        if len(self) and self.keys[found].tolist() == chunk:
            return found
        for place in np.flatnonzero(found != UNKNOWN).tolist():
            if self.keys[found[place]] != chunk[place]:
                found[place] = self.find(chunk[place])
        places = np.flatnonzero(found == UNKNOWN)
        found[places] = [unknown[chunk[place]] for place in places.tolist()]
        return found


class _HashTable:
    """Numbers by hash: open addressing with linear probing, at most half full."""

    __slots__ = ("_hashes", "_slots")

    def __init__(self, hashes: HashArray) -> None:
        self._slots: IntArray = np.full(2 << hashes.size.bit_length(), UNKNOWN, np.int32)
        self._hashes = hashes if hashes.size else np.zeros(1, np.int64)
        self._claim(np.arange(hashes.size, dtype=np.int32), self._home(hashes))

    def find(self, hashes: HashArray) -> IntArray:
        """For each hash the first number that has it, or `UNKNOWN`."""
        at = self._home(hashes)
        found: IntArray = self._slots[at]
        astray = np.flatnonzero(self._is_other(found, hashes))
        while astray.size:
            at[astray] = (at[astray] + 1) % self._slots.size
            found[astray] = self._slots[at[astray]]
            astray = astray[self._is_other(found[astray], hashes[astray])]
        return found

    def _claim(self, homeless: IntArray, at: npt.NDArray[np.int64]) -> None:
        """All claim their slot at once; of those that want the same one, one gets it."""
        while homeless.size:
            empty = self._slots[at] == UNKNOWN
            self._slots[at[empty]] = homeless[empty]
            lost = self._slots[at] != homeless
            homeless, at = homeless[lost], (at[lost] + 1) % self._slots.size

    def _home(self, hashes: HashArray) -> npt.NDArray[np.int64]:
        unused_bits = 65 - self._slots.size.bit_length()
        mixed = hashes.view(np.uint64) * _GOLDEN
        return (mixed >> np.uint64(unused_bits)).astype(np.int64)

    def _is_other(self, found: IntArray, hashes: HashArray) -> BoolArray:
        other: BoolArray = (found != UNKNOWN) & (self._hashes[found] != hashes)
        return other


def _hashes(keys: Collection[Key]) -> HashArray:
    return np.fromiter(map(hash, keys), np.int64, len(keys))


def object_array(keys: Sequence[Key]) -> KeyArray:
    """An array of references to strings; numpy's own strings can't hold every key."""
    array = np.empty(len(keys), object)
    array[:] = keys
    return array
