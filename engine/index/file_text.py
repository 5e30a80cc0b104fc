"""A file's text, put together from its pieces in the index. Reads no disk, guesses nothing.

The pieces hold every character that is not blank, and the lines that they stand in. What is
put together is compared with the size and the hash of the file: equal, it is the file to the
byte.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, product

import asyncpg

from engine.discover import content_hash
from engine.errors import EntryNotFound, TextNotFound
from engine.index.database import Queryable
from engine.index.sql import query
from engine.parts import Part

MAX_PIECES = 20_000

# As lines are counted where pieces are made: see `Ruler`.
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Piece(Part):
    """A chunk as it is stored: where it stands, by the innermost name around it."""

    text: str = ""

    @classmethod
    def of(cls, row: asyncpg.Record) -> "Piece":
        return cls(row["symbol"], row["kind"], row["start_line"], row["end_line"], text=row["text"])


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the live index. `commit` is what the realm was indexed at, empty without git."""

    realm: str
    path: str
    language: str
    generation: int
    commit: str
    content_hash: bytes
    size: int
    skipped: str | None
    error: str | None
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class FileText:
    """The lines of a file. `exact`: they are the file's, as its hash proves.

    Where they are not, blanks may be missing at the ends of lines, in lines that are otherwise
    empty, and where a piece was cut off. `left_out` counts pieces that are no part of the
    file, but words of whoever visited it.
    """

    lines: tuple[str, ...]
    exact: bool
    left_out: int


async def read_stored_file(database: Queryable, realm: str, key: str) -> StoredFile:
    """The pieces of a file, at most `MAX_PIECES`; `EntryNotFound` if it is not indexed."""
    rows = await database.fetch(query("select_file_chunks"), realm, key, MAX_PIECES)
    if not rows:
        raise EntryNotFound(realm, key)
    first = rows[0]
    return StoredFile(
        first["realm"],
        key,
        first["language"],
        first["generation"],
        first["commit"],
        first["content_hash"],
        first["size"],
        first["skipped"],
        first["error"],
        tuple(Piece.of(row) for row in rows if row["ordinal"] is not None),
    )


def text_of(stored: StoredFile) -> FileText:
    """The file's lines; `TextNotFound` where the index holds none of them."""
    if stored.size == 0 and not stored.pieces and not stored.error:
        return FileText((), exact=True, left_out=0)
    pieces = list(_standing(stored.pieces)) if stored.language not in RETOLD else []
    if not pieces:
        raise TextNotFound(stored.realm, stored.path, _why_empty(stored))
    left_out = len(stored.pieces) - len(pieces)
    proven = next(_proven(pieces, stored), None)
    return FileText(tuple(proven or _lines(pieces, _usual(pieces))), proven is not None, left_out)


# What is stored of these says what is in the file, in other words.
RETOLD = frozenset({"card"})


def _why_empty(stored: StoredFile) -> str:
    if stored.language in RETOLD:
        return f"a {stored.language} is indexed by its values, not by its lines"
    return stored.error or stored.skipped or "there is nothing in it to be found by"


def _standing(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The pieces that are parts of the file: of as many lines as they say, in their order."""
    end = 0
    for piece in pieces:
        lines = len(_LINE_END.findall(piece.text)) + 1
        if piece.start_line >= max(end, 1) and piece.end_line - piece.start_line + 1 == lines:
            end = piece.end_line
            yield piece


# What a piece may have lost before it: in the middle of a line the blank at which that was cut,
# at its start an indentation for which there was no room.
_CUT = ("", " ")
_INDENTS = ("", *(" " * depth for depth in (4, 8, 12, 16, 2, 6, 10)), *map("\t".__mul__, (1, 2, 3)))
_LONGEST_INDENT = 64

# So much is tried, so that no file keeps a server busy.
_MAX_WAYS = 2_000
_MAX_OPEN = 12
_MAX_HASHED = 16


def _proven(pieces: Sequence[Piece], stored: StoredFile) -> Iterator[list[str]]:
    """The lines in the ways that the file may have written them, if one has its hash."""
    for lead, end, tail in islice(_ways(pieces, stored.size), _MAX_HASHED):
        lines = _lines(pieces, lead)
        text = end.join(lines) + tail
        if stored.content_hash in (
            content_hash(text.encode()),
            content_hash(_MARK + text.encode()),
        ):
            yield lines


def _ways(pieces: Sequence[Piece], size: int) -> Iterator[tuple[Sequence[str], str, str]]:
    """What may stand before each piece, between lines and behind them, if all has the size."""
    bare = _lines(pieces, [""] * len(pieces))
    held = sum(len(line.encode()) for line in bare)
    ends = {end for piece in pieces for end in _LINE_END.findall(piece.text)} or {"\n", "\r\n"}
    for lost, lead in _leads(pieces):
        for end, has_tail in product(ends, (True, False)):
            length = held + lost + len(end) * (len(bare) - 1 + has_tail)
            if length in (size, size - len(_MARK)):
                yield lead, end, end if has_tail else ""


_MARK = "\ufeff".encode()


def _leads(pieces: Sequence[Piece]) -> Iterator[tuple[int, Sequence[str]]]:
    """What may stand before each piece, with its length: the usual first, then all that may be."""
    usual = _usual(pieces)
    yield sum(map(len, usual)), usual
    lost = dict(_lost(pieces))
    if len(lost) > _MAX_OPEN:
        return
    for way in islice(product(*lost.values()), _MAX_WAYS):
        lead = [""] * len(pieces)
        for at, before in zip(lost, way, strict=True):
            lead[at] = before
        yield sum(map(len, way)), lead


def _lost(pieces: Sequence[Piece]) -> Iterator[tuple[int, Sequence[str]]]:
    """The pieces that may have lost something, each with what that may be."""
    longest = max(len(piece.text) for piece in pieces)
    end = 0
    for at, piece in enumerate(pieces):
        if piece.start_line == end:
            yield at, _CUT
        elif not piece.text[0].isspace() and len(piece.text) > longest - _LONGEST_INDENT:
            yield at, _INDENTS
        end = piece.end_line


def _usual(pieces: Sequence[Piece]) -> list[str]:
    """One blank where a line was cut, so that no two words become one."""
    ends = chain((0,), (piece.end_line for piece in pieces))
    return [
        " " if piece.start_line == end else "" for piece, end in zip(pieces, ends, strict=False)
    ]


def _lines(pieces: Sequence[Piece], lead: Sequence[str]) -> list[str]:
    """Line by line, with what stands before each piece."""
    lines = [""] * pieces[-1].end_line
    for piece, before in zip(pieces, lead, strict=True):
        for at, line in enumerate(_LINE_END.split(before + piece.text), piece.start_line - 1):
            lines[at] += line
    return lines
