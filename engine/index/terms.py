"""The terms that full text search matches, for texts and for queries alike.

Postgres gets finished lexemes, so its dictionaries and locale never matter. Knows nothing
of ranking; `encode_tsvector` knows the binary form of a `tsvector` and nothing of tables.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain
from struct import pack
from threading import Lock
from typing import Final

import Stemmer  # type: ignore[import-not-found]  # ships no types

from engine.words import identifiers, parts

TEXT_CHARS: Final = 65_536
"""Only this much of a text is searched, which keeps any `tsvector` under Postgres's 1 MB."""
NAME_CHARS: Final = 1_024
"""Only this much of a symbol or a path is searched."""
LEXEME_CHARS: Final = 128
"""Lexemes are cut here, in texts and in queries: 512 bytes at most, Postgres allows 2,046."""
COUNT_CAP: Final = 15
"""More occurrences than this are counted as this many: `ts_rank` hardly tells them apart."""
QUERY_TERMS: Final = 32
"""Further terms of a query are ignored."""
_IDENTIFIERS_HELD: Final = 32_768

_STOP_WORDS: Final = frozenset(
    # One line of words is easier to read than a list of quoted ones.
    """
    a an and are as at be but by can did do does for from had has have how i if in into is it
    its me my no nor not of on or our so than that the their them then there these they this
    those to too us was we were what when where which while who why will with would you your
    """.split()  # noqa: SIM905
)
# Scripts written without spaces: a word is found by the pairs of letters in it.
_UNSPACED: Final = re.compile(
    "([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)"
)

_stemmer = Stemmer.Stemmer("english", 0)
_stemming = Lock()  # A stemmer has one buffer.


def terms(text: str) -> Counter[str]:
    """How often each lexeme stands in a text, in order of first occurrence.

    `getUserName` gives its words, stemmed and without stop words, and itself as one word,
    so that `user name`, `get_user_name` and `getusername` all find it.
    """
    found = map(_lexemes_of.__getitem__, identifiers(text[:TEXT_CHARS]))
    return Counter(chain.from_iterable(found))


def query_terms(text: str) -> list[str]:
    """The different terms of a query, each of which its own text would have, in order."""
    return list(terms(text))[:QUERY_TERMS]


def tsquery_text(lexemes: Iterable[str]) -> str:
    """A query for any of the lexemes, to be cast to `tsquery`; matches nothing when empty."""
    quoted = (lexeme.replace("\\", "\\\\").replace("'", "''") for lexeme in lexemes)
    return " | ".join(f"'{lexeme}'" for lexeme in quoted)


def encode_tsvector(*, body: str, symbol: str = "", path: str = "") -> bytes:
    """The binary `tsvector` of a chunk: symbol of weight A, path of weight B, body of weight D.

    Positions carry counts, not places: phrases can't be searched, and ranking by distance
    means nothing.
    """
    counts, named, placed = terms(body), _name_terms(symbol), _name_terms(path)
    pieces = [
        _latin(lexeme) + _tail(named.get(lexeme, 0), placed.get(lexeme, 0), counts.pop(lexeme, 0))
        for lexeme in named.keys() | placed.keys()
    ]
    if body.isascii():
        pieces += [lexeme + _BODY_TAILS[count] for lexeme, count in counts.items()]
    else:
        pieces += [_latin(lexeme) + _BODY_TAILS[count] for lexeme, count in counts.items()]
    # Postgres wants lexemes in the order of their bytes. Each ends with a NUL and has none
    # inside, so its tail does not matter to the order.
    pieces.sort()
    return pack(">i", len(pieces)) + "".join(pieces).encode("latin-1")


def _latin(lexeme: str) -> str:
    """A character for each byte of UTF-8: such are sorted and joined faster than bytes."""
    return lexeme if lexeme.isascii() else lexeme.encode().decode("latin-1")


@lru_cache(maxsize=512)
def _name_terms(name: str) -> Mapping[str, int]:
    # The chunks of a file follow each other and share its path.
    return terms(name[:NAME_CHARS])


@lru_cache(maxsize=4096)
def _tail(named: int, placed: int, counted: int) -> str:
    """What follows a lexeme: its end, the number of positions, each with its weight on top.

    A character for each byte, as `_latin` has it.
    """
    weighted = ((_A, named), (_B, placed), (_D, counted))
    weights = [weight for weight, count in weighted for _ in range(min(count, COUNT_CAP))]
    positions = [weight | place for place, weight in enumerate(weights, start=1)]
    return pack(f">xH{len(positions)}H", len(positions), *positions).decode("latin-1")


_A, _B, _D = 3 << 14, 2 << 14, 0


class _TailsOfCounts(dict[int, str]):
    """The tails of lexemes that stand in the body alone; above the cap all have one."""

    def __missing__(self, count: int) -> str:
        return self[COUNT_CAP]


_BODY_TAILS: Final = _TailsOfCounts((count, _tail(0, 0, count)) for count in range(COUNT_CAP + 1))


class _LexemesOfIdentifiers(dict[str, tuple[str, ...]]):
    """Finds the lexemes of an identifier once, as code repeats the same ones all over."""

    def __missing__(self, identifier: str) -> tuple[str, ...]:
        lexemes = tuple(dict.fromkeys(_lexemes(identifier)))
        if len(identifier) <= LEXEME_CHARS:
            if len(self) >= _IDENTIFIERS_HELD:
                self.clear()
            self[identifier] = lexemes
        return lexemes


_lexemes_of: Final = _LexemesOfIdentifiers()


def _lexemes(identifier: str) -> Iterable[str]:
    if identifier.isascii():
        # Nobody searches for the middle of a blob, but perhaps for a digest as a whole.
        words = parts(identifier[:LEXEME_CHARS])
        lexemes = [_stemmed(word) for word in words if len(word) > 1 and word not in _STOP_WORDS]
    else:
        words = parts(identifier)
        lexemes = [*chain.from_iterable(map(_lexemes_of_word, words))]
    if len(words) <= 1:
        return lexemes
    whole = _stemmed("".join(words)[:LEXEME_CHARS])
    return [whole] if _is_blob(words) else [*lexemes, whole]


def _is_blob(words: list[str]) -> bool:
    """Whether letters and digits change as often as in hex or base64."""
    return len(words) >= 6 and sum(map(len, words)) < 3 * len(words)


def _lexemes_of_word(word: str) -> Iterable[str]:
    if not word.isascii():
        return chain.from_iterable(map(_pairs, filter(None, _UNSPACED.split(word))))
    return () if len(word) == 1 or word in _STOP_WORDS else (_stemmed(word),)


def _pairs(run: str) -> list[str]:
    if _UNSPACED.match(run):
        return [run[at : at + 2] for at in range(max(1, len(run) - 1))]
    return [_stemmed(run[:LEXEME_CHARS])]


@lru_cache(maxsize=16_384)
def _stemmed(word: str) -> str:
    with _stemming:
        stem: str = _stemmer.stemWord(word)
    return stem
