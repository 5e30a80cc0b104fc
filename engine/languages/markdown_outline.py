"""The sections and blocks of a Markdown text. Knows lines, and nothing of links or chunks.

A line scanner and not the grammar: on a megabyte of text the grammar needs seconds, and
for chunks only headings, fences and paragraphs count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.languages.chunks import Span
from engine.languages.outline import Outline

_HEADING = re.compile(rb" {0,3}(#{1,6})(?:[ \t]+|$)")
_CLOSING_MARKS = re.compile(rb"[ \t]#+$")
_UNDERLINE = re.compile(rb" {0,3}(?:=+|--+)[ \t]*$")
_FENCE = re.compile(rb"[ \t]*(?:[-*+] +|\d+[.)] +)?(`{3,}|~{3,})")
_NO_TITLE = b"-*+>|#<"
_LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True)
class Block:
    """A heading (`level` from 1), a fenced block or a paragraph (`level` 0)."""

    kind: str
    start: int
    end: int
    level: int = 0
    title: str = ""


def blocks_of(source: bytes) -> list[Block]:
    """The blocks of a text, in order. Everything that is not blank is in one of them."""
    return list(_Scan().blocks(source))


def outline_of(source: bytes, blocks: list[Block]) -> tuple[Outline, list[Span]]:
    """Sections in sections, as the levels of their headings say, with their heading paths."""
    root = Outline("document", 0, len(source))
    around: list[tuple[int, Outline, str]] = [(0, root, "")]
    spans: list[Span] = []
    for block in blocks:
        if block.level:
            spans += _closed(around, block.level, block.start)
            path = " > ".join(filter(None, (around[-1][2], block.title)))
            section = Outline("section", block.start, len(source))
            around[-1][1].children.append(section)
            around.append((block.level, section, path))
        around[-1][1].children.append(Outline(block.kind, block.start, block.end))
    spans += _closed(around, 1, len(source))
    return root, spans


def _closed(around: list[tuple[int, Outline, str]], level: int, at: int) -> Iterator[Span]:
    while around[-1][0] >= level:
        _, section, path = around.pop()
        section.end_byte = at
        yield Span(section.start_byte, at, path, "section")


class _Scan:
    def __init__(self) -> None:
        self._fence = b""
        self._start = -1  # where the open paragraph or fenced block starts
        self._at = 0
        self._text = b""  # the line that may become a title by what underlines it

    def blocks(self, source: bytes) -> Iterator[Block]:
        lines = source.splitlines(keepends=True)
        first = self._front_matter(lines)
        if first:
            self._at = sum(map(len, lines[:first]))
            yield Block("front_matter", 0, self._at)
        for line in lines[first:]:
            yield from self._fenced(line) if self._fence else self._plain(line)
            self._at += len(line)
        yield from self._close("fence" if self._fence else "paragraph", self._at)

    def _front_matter(self, lines: list[bytes]) -> int:
        if not lines or lines[0].rstrip() != b"---":
            return 0
        ends = (index for index, line in enumerate(lines[1:], 2) if line.rstrip() == b"---")
        return next(ends, 0)

    def _fenced(self, line: bytes) -> Iterator[Block]:
        mark = line.strip()
        if mark.startswith(self._fence) and not mark.strip(self._fence[:1]):
            self._fence = b""
            yield from self._close("fence", self._at + len(line))

    def _plain(self, line: bytes) -> Iterator[Block]:
        bare = line.rstrip()
        if not bare:
            yield from self._close("paragraph", self._at)
        elif match := _FENCE.match(bare):
            yield from self._close("paragraph", self._at)
            self._start, self._fence = self._at, match[1]
        elif match := _HEADING.match(bare):
            yield from self._close("paragraph", self._at)
            title = _CLOSING_MARKS.sub(b"", bare[match.end() :])
            yield self._heading(self._at, line, len(match[1]), title)
        elif self._text and _UNDERLINE.match(bare):
            yield self._heading(self._start, line, 1 if b"=" in bare else 2, self._text)
            self._start, self._text = -1, b""
        else:
            self._continue(bare)

    def _continue(self, bare: bytes) -> None:
        """Only a single line of text makes a title: more would be a table or a rule."""
        opens = self._start < 0
        self._text = bare if opens and bare.lstrip()[0] not in _NO_TITLE else b""
        self._start = self._at if opens else self._start

    def _heading(self, start: int, line: bytes, level: int, title: bytes) -> Block:
        text = title.decode(errors="ignore").strip()[:_LONGEST_TITLE]
        return Block("heading", start, self._at + len(line), level, text)

    def _close(self, kind: str, end: int) -> Iterator[Block]:
        if self._start >= 0:
            yield Block(kind, self._start, end)
        self._start, self._text = -1, b""
