"""Measure UTF-8 text by byte offset: characters and lines. Knows nothing of syntax."""

import re
from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import accumulate

_CONTINUATION = re.compile(rb"[\x80-\xbf]")


class Ruler:
    """Characters between two offsets and the line of an offset, both without decoding.

    Lines end with LF, CRLF or a lone CR, as editors count them; tree-sitter's rows count
    LF only. Offsets must stand at the start of a character.
    """

    def __init__(self, source: bytes) -> None:
        self.source = source
        self._ascii = source.isascii()

    def chars(self, start: int, end: int) -> int:
        """How many characters `source[start:end]` decodes to."""
        if self._ascii:
            return end - start
        inner = self._continuations
        return end - start - (bisect_left(inner, end) - bisect_left(inner, start))

    def advance(self, start: int, count: int) -> int:
        """The offset `count` characters after `start`, at most the end of the source."""
        if self._ascii:
            return min(start + count, len(self.source))
        ahead = self.source[start : start + 4 * count].decode(errors="ignore")
        return start + len(ahead[:count].encode())

    def line(self, offset: int) -> int:
        """The line that the byte at `offset` stands in, counted from 1."""
        return bisect_right(self._line_ends, offset) + 1

    @cached_property
    def _continuations(self) -> list[int]:
        return [match.start() for match in _CONTINUATION.finditer(self.source)]

    @cached_property
    def _line_ends(self) -> list[int]:
        return list(accumulate(map(len, self.source.splitlines(keepends=True))))
