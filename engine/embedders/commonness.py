"""How much a word tells about the code it stands in, without looking at a collection."""

import math
from functools import cache
from importlib.resources import files
from typing import Final

_FLAT: Final = 5


def telling(word: str) -> float:
    """The weight of a word, from 0.18 for the commonest to 4.6 for one not in the list.

    By Zipf's law a word's frequency falls with its rank, so the log of the rank stands in
    for the inverse document frequency that a collection would give. The list holds the
    500 commonest words of code and its documentation, in order: those with the largest
    median document frequency over Python's standard library, Django with its
    documentation, and three.js.
    """
    ranks = _ranks()
    return math.log1p((ranks.get(word, len(ranks)) + 1) / _FLAT)


@cache
def _ranks() -> dict[str, int]:
    listed = files("engine.embedders").joinpath("common_words.txt").read_text("ascii").split()
    return {word: rank for rank, word in enumerate(listed)}
