"""What a bag of words remembers is bounded, and changes no vector."""

import hashlib
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from engine.embedders.bag import BagOfWords

DIMENSION = 16

LETTERS = str.maketrans("0123456789", "abcdefghij")
WORDS = [f"{number:05}".translate(LETTERS) for number in range(24_000)]  # more than are remembered
TEXTS = [" ".join(WORDS[at : at + 200]) for at in range(0, len(WORDS), 200)]


class Model:
    """A vector for each word, and how often it was asked for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def vector_of(self, word: str) -> NDArray[np.float32]:
        self.asked[word] += 1
        digest = hashlib.blake2b(word.encode(), digest_size=DIMENSION).digest()
        return np.frombuffer(digest, np.int8).astype(np.float32)


def test_what_was_forgotten_changes_no_vector() -> None:
    used = BagOfWords(Model().vector_of, DIMENSION)
    used.sums(TEXTS)
    for text in (TEXTS[0], TEXTS[70], TEXTS[-1], " ".join(TEXTS[:40])):
        fresh = BagOfWords(Model().vector_of, DIMENSION)
        np.testing.assert_allclose(used.sums([text]), fresh.sums([text]), rtol=1e-4, atol=1e-4)


def test_the_first_words_are_remembered_when_others_are_forgotten() -> None:
    model = Model()
    bag = BagOfWords(model.vector_of, DIMENSION)
    bag.sums(TEXTS)
    assert set(model.asked.values()) == {1}
    bag.sums(TEXTS)
    assert {model.asked[word] for word in WORDS[:12_000]} == {1}
    assert max(model.asked.values()) == 2
