"""What each word of a question weighs, and which chunks are worth ranking. Pure.

The rarer a word, the more it tells. Ranking is what costs, and most of it would go to chunks
that have nothing but one common word of the question; so chunks come up for it in the order
of how much of the question they have, and only so many of them.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from engine.index.terms import tsquery_text

RANKED: Final = 2000
"""At most so many chunks are ranked by their words, and no word is counted further. Measured
on 39,609 chunks: bounds of a hundredth to an eighth of them find as well as none, and ranking
20,000 took ten times as long as 2,000."""

SHARE_RANKED: Final = 20
LEAST_RANKED: Final = 500
"""Of few chunks a twentieth is ranked: of a common word 2,000 that pass a narrow filter are
only found among ten times as many that do not."""

COMBINED: Final = 6
"""Of so many common words, the rarest, combinations are sought."""

PARTS: Final = ("part/16", "part/1")
"""The marks of two parts of all chunks: one in 16, and all others."""

SAMPLE: Final = "part/64"
"""The mark of one chunk in `SAMPLE_OF`."""
SAMPLE_OF: Final = 64
MANY_OF_SAMPLE: Final = 2 * RANKED // SAMPLE_OF
"""Twice what is in the sample of a word that as many chunks have as are ranked, so that a word
of which this much is there is a common one. No chance does that."""


@dataclass(frozen=True, slots=True)
class Level:
    """Chunks that are worth the same look: `asked` finds them, and they have one of `marks`."""

    asked: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A question's words as queries, the weight of each, and what to rank.

    That is what `rare` finds, if it is not empty, and then the levels, best first.
    """

    terms: tuple[str, ...]
    weights: tuple[float, ...]
    rare: str
    levels: tuple[Level, ...]


def ranked_of(chunks: int) -> int:
    """How many to rank where so many pass the filters."""
    return min(RANKED, max(LEAST_RANKED, chunks // SHARE_RANKED))


def weighed(lexemes: Sequence[str], counts: Sequence[int], *, of_all: int) -> Weighed:
    """`counts` tells how many chunks have each lexeme, `of_all` how many there are, up to `RANKED`.

    A chunk with a rare word is always ranked: those of all rare words together fit under
    the bound. Of the others come those with all common words, then those with all but one,
    down to those with one, of which those that have it in their symbol come first.
    """
    rare, common = _parted(sorted(zip(counts, lexemes, strict=True)))
    return Weighed(
        tuple(tsquery_text([lexeme]) for lexeme in lexemes),
        tuple(_weight(count, of_all) for count in counts),
        tsquery_text(rare),
        tuple(_levels(common[:COMBINED])),
    )


def _levels(sought: Sequence[str]) -> Iterator[Level]:
    for size in range(len(sought), 1, -1):
        yield from _by_part(at_least(size, sought))
    if sought:
        yield Level(tsquery_text(sought), tuple(sought))
        yield from _by_part(tsquery_text(sought))


def _by_part(asked: str) -> Iterator[Level]:
    """Most of what a common word finds would never be ranked, so it is not read at once."""
    return (Level(asked, (part,)) for part in PARTS)


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


def at_least(size: int, lexemes: Sequence[str]) -> str:
    """A query for what has so many of the lexemes, one of them or more.

    Halved again and again, since Postgres reads the list of a word each time it is named: of
    three out of six that is 22 times instead of 60.
    """
    if size == 1:
        return tsquery_text(lexemes)
    if size == len(lexemes):
        return " & ".join(tsquery_text([lexeme]) for lexeme in lexemes)
    left, right = lexemes[: len(lexemes) // 2], lexemes[len(lexemes) // 2 :]
    fewest, most = max(0, size - len(right)), min(size, len(left))
    return " | ".join(
        _both(taken, left, size - taken, right) for taken in range(most, fewest - 1, -1)
    )


def _both(of_left: int, left: Sequence[str], of_right: int, right: Sequence[str]) -> str:
    sides = ((of_left, left), (of_right, right))
    return " & ".join(f"({at_least(size, side)})" for size, side in sides if size)
