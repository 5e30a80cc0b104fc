"""The few lines of a chunk that answer best, with the places of the words asked for. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from engine.index.terms import TEXT_CHARS, terms

SNIPPET_LINES: Final = 5
LINE_CHARS: Final = 400
"""Longer lines are cut: a minified file is one line."""
MOST_MATCHES: Final = 50

_IDENTIFIER: Final = re.compile(r"\w+")
_LINE: Final = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Match:
    """A word of the question: in which line of the snippet, from and up to which character."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Snippet:
    """Some lines of a file that follow each other; `start_line` is the number of the first."""

    start_line: int
    lines: tuple[str, ...]
    matches: tuple[Match, ...]


def snippet(text: str, lexemes: Collection[str], *, start_line: int = 1) -> Snippet:
    """The lines in which most different words of the question stand, the first such.

    Without any it is the beginning of the text.
    """
    wanted = frozenset(lexemes)
    lines = [line[:LINE_CHARS] for line in _LINE.split(text[:TEXT_CHARS])]
    found = [_matches(line, wanted) for line in lines]
    first = _best_window([frozenset().union(*(words for *_, words in each)) for each in found])
    shown = range(first, min(first + SNIPPET_LINES, len(lines)))
    matches = [Match(at - first, start, end) for at in shown for start, end, _ in found[at]]
    return Snippet(
        start_line + first, tuple(lines[at] for at in shown), tuple(matches[:MOST_MATCHES])
    )


def _matches(line: str, wanted: frozenset[str]) -> list[tuple[int, int, frozenset[str]]]:
    if not wanted:
        return []
    places = [(found, wanted & terms(found.group()).keys()) for found in _IDENTIFIER.finditer(line)]
    return [(found.start(), found.end(), words) for found, words in places if words]


def _best_window(words: list[frozenset[str]]) -> int:
    """The line to begin with; one with a match, if there is any."""
    best, most = 0, 0
    for at, here in enumerate(words):
        count = len(frozenset().union(*words[at : at + SNIPPET_LINES])) if here else 0
        if count > most:
            best, most = at, count
    return best
