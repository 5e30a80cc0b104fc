"""An embedder without weights: words and their pieces hashed to axes. The honest fallback."""

import hashlib
from collections.abc import Iterator
from typing import Final

import numpy as np

from engine.embedders.bag import Row
from engine.embedders.commonness import telling
from engine.embedders.summing import DIMENSION, SummingEmbedder

_AXES_OF_WORD: Final = 4
_PIECE: Final = 3
_PIECE_WEIGHT: Final = 0.5


class HashedEmbedder(SummingEmbedder):
    """Texts are near when they share words or parts of words; it knows no meaning.

    Hashes are keyed by nothing but the word, so that every process on every machine
    gives the same vector.
    """

    def __init__(self) -> None:
        super().__init__(_vector_of, fingerprint="hashed-256/1")


def _vector_of(word: str) -> Row:
    vector = np.zeros(DIMENSION, np.float32)
    for feature, weight in _features(word):
        digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
        for at in range(_AXES_OF_WORD):
            axis, sign = digest[2 * at], digest[2 * at + 1] & 1
            vector[axis] += weight if sign else -weight
    length = float(np.linalg.norm(vector))
    # Features of one word can cancel each other out; then it is as if it were not there.
    return vector * np.float32(telling(word) / length) if length else vector


def _features(word: str) -> Iterator[tuple[str, float]]:
    framed = f"^{word}$"
    yield framed, 1.0
    starts = range(len(framed) - _PIECE + 1)
    for start in starts:
        yield framed[start : start + _PIECE], _PIECE_WEIGHT / len(starts) ** 0.5
