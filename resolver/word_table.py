"""From words of 64 bits to numbers, thousands at a time. Knows nothing of keys."""

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from resolver.adjacency import IntArray

WordArray: TypeAlias = npt.NDArray[np.uint64]

UNKNOWN = -1

_PIECE = 1 << 16

# Spreads words that differ in few bits over all slots (Fibonacci hashing).
_GOLDEN = 0x9E3779B97F4A7C15


class WordTable:
    """The place of each word in an array, found by hash tables one behind the other.

    A look-up in a dict waits for memory several times, one after the other. Here numpy
    makes each step for thousands of words, and their waits overlap. Whoever finds no slot of
    its own in one table stands in the next, under another hash, so that few steps
    end the search for all; probing one table further and further takes as many as the
    unluckiest word needs.
    """

    __slots__ = ("_levels", "_words")

    def __init__(self, words: WordArray) -> None:
        """`words` is kept, not copied. Of equal words one is found."""
        self._words = words if words.size else np.zeros(1, np.uint64)
        self._levels: list[_Level] = []
        homeless = np.arange(words.size, dtype=np.int32)
        while homeless.size or not self._levels:
            level = _Level.of(len(self._levels), homeless.size)
            self._levels.append(level)
            homeless = self._claim(level, homeless)

    def find(self, words: WordArray) -> IntArray:
        """For each word its place, or `UNKNOWN`."""
        first, *others = self._levels
        found = first.at(words)
        left = np.flatnonzero(self._differ(found, words))
        for level in others:
            if not left.size:
                break
            asked = words[left]
            found[left] = tried = level.at(asked)
            left = left[self._differ(tried, asked)]
        found[left] = UNKNOWN
        return found

    def _claim(self, level: "_Level", homeless: IntArray) -> IntArray:
        """All claim a slot at once, one gets it; return those that lost it to another word."""
        pieces = [homeless[first : first + _PIECE] for first in range(0, homeless.size, _PIECE)]
        for piece in pieces:
            level.slots[level.home(self._words[piece])] = piece
        lost = [
            piece[self._differ(level.at(words), words)]
            for piece in pieces
            for words in (self._words[piece],)
        ]
        return np.concatenate(lost) if lost else homeless

    def _differ(self, found: IntArray, words: WordArray) -> npt.NDArray[np.bool_]:
        # `UNKNOWN` reads the last word. That is never the one that was asked for: where a
        # word has found an empty slot, it has not stood in any table.
        differ: npt.NDArray[np.bool_] = self._words.take(found, mode="wrap") != words
        return differ


class _Level(NamedTuple):
    """Slots that hold a number or `UNKNOWN`; `shift` leaves as many bits as they need."""

    slots: IntArray
    multiplier: np.uint64
    shift: np.uint64

    @classmethod
    def of(cls, place: int, count: int) -> "_Level":
        """At most half full."""
        bits = max(1, (2 * count).bit_length())
        multiplier = np.uint64(pow(_GOLDEN, place + 1, 1 << 64))
        return cls(np.full(1 << bits, UNKNOWN, np.int32), multiplier, np.uint64(64 - bits))

    def home(self, words: WordArray) -> npt.NDArray[np.int64]:
        return ((words * self.multiplier) >> self.shift).view(np.int64)

    def at(self, words: WordArray) -> IntArray:
        # All homes are slots; only numpy's check of that is left out.
        at: IntArray = self.slots.take(self.home(words), mode="wrap")
        return at
