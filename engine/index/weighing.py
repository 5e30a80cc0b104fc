"""What each word of a question weighs, and which chunks are worth ranking. Pure.

The rarer a word, the more it tells. Ranking is what costs, and most of it would go to chunks
that have nothing but one common word of the question; so chunks come up for it in the order
of how much of the question they have, and only so many of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from engine.index.terms import tsquery_text

RANKED: Final = 2000
"""At most so many chunks are ranked by their words, and no word is counted further. Measured
on 39,609 chunks: bounds of a hundredth to an eighth of them find as well as none, and ranking
20,000 took ten times as long as 2,000."""

COMBINED: Final = 6
"""Of so many common words, the rarest, combinations are sought: 20 of three at most."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A question's words as queries, the weight of each, and what to rank, best first."""

    terms: tuple[str, ...]
    weights: tuple[float, ...]
    levels: tuple[str, ...]


def weighed(lexemes: Sequence[str], counts: Sequence[int], *, of_all: int) -> Weighed:
    """`counts` tells how many chunks have each lexeme, `of_all` how many there are, up to `RANKED`.

    A chunk with a rare word is always ranked: those of all rare words together fit under
    the bound. Of the others come those with all common words, then those with all but one,
    down to those with one, of which those that have it in their symbol come first.
    """
    rare, common = _parted(sorted(zip(counts, lexemes, strict=True)))
    sought = common[:COMBINED]
    levels = [tsquery_text(rare)] if rare else []
    levels += [_any_of(sought, size) for size in range(len(sought), 1, -1)]
    if sought:
        levels += [" | ".join(tsquery_text([lexeme]) + ":A" for lexeme in sought)]
        levels += [tsquery_text(sought)]
    return Weighed(
        tuple(tsquery_text([lexeme]) for lexeme in lexemes),
        tuple(_weight(count, of_all) for count in counts),
        tuple(levels),
    )


def _weight(count: int, of_all: int) -> float:
    # Measured: as good as the inverse document frequency, though no count goes further than
    # RANKED, so that a word of every eighth chunk may weigh as little as one of all.
    return math.log1p(max(1, of_all) / max(1, count))


def _parted(counted: Sequence[tuple[int, str]]) -> tuple[list[str], list[str]]:
    """The rarest lexemes whose chunks are under the bound together, and the others."""
    total, rare = 0, 0
    for count, _ in counted:
        total += count
        rare += total < RANKED
    found = [lexeme for _, lexeme in counted]
    return found[:rare], found[rare:]


def _any_of(lexemes: Sequence[str], size: int) -> str:
    """A query for what has at least `size` of the lexemes."""
    return " | ".join(
        "(" + " & ".join(tsquery_text([lexeme]) for lexeme in chosen) + ")"
        for chosen in combinations(lexemes, size)
    )
