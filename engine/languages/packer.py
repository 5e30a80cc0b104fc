"""Pack neighbouring ranges of a text into pieces of bounded size. Knows nothing of syntax."""

from typing import NamedTuple

from engine.languages.ruler import Ruler

# A head or tail smaller than a part of the bound says too little to be found by itself.
_SMALL_HEAD = 8
_SMALL_TAIL = 4

_LONGEST_CLOSING = 16
_SPACE = ord(" ")
_PARAGRAPHS = (b"\n\n", b"\r\n\r\n")
_BLANKS = (b"\n", b"\r", b" ", b"\t")
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$")
_LONGEST_WORD = 128


class Packed(NamedTuple):
    """A piece. What stands from `told` to its end are closing marks that say nothing."""

    start: int
    end: int
    told: int


class Packer:
    """Ranges are added in order and joined while they fit; `pieces` are the trimmed result.

    Every range that is added whole stays whole. What lies between two ranges must be
    blank, or be part of one of them.
    """

    def __init__(self, ruler: Ruler, *, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a chunk of at most {limit} characters can't hold any text")
        self.pieces: list[Packed] = []
        self._ruler = ruler
        self._source = ruler.source
        self._limit = limit
        self._cuts: list[int] = []  # where the ranges of the open piece start
        self._full_cuts: list[int] = []  # the same of the piece before, when it overflowed
        self._end = 0

    def fits(self, start: int, end: int) -> bool:
        """Whether a piece of its own could hold the range."""
        return end - start <= self._limit or self._ruler.chars(start, end) <= self._limit

    def joins(self, end: int) -> bool:
        """Whether a range up to `end` would stand in one piece with what was added before it."""
        return not self._cuts or self.fits(self._cuts[0], end)

    def is_small_head(self) -> bool:
        """Whether the open piece is so small that it should not stay alone."""
        return self._ruler.chars(self._cuts[0], self._end) * _SMALL_HEAD < self._limit

    def add(self, start: int, end: int) -> None:
        """Append a range that fits."""
        start, end = self._trimmed(start, end)
        if start == end:
            return
        if not self._cuts:
            self._full_cuts = []
        elif not self.joins(end):
            self._full_cuts = self._cuts
            self._emit()
        self._cuts.append(start if self._cuts else self._indented(start, end))
        self._end = end

    def add_text(self, start: int, end: int) -> None:
        """Append a range of any size, cut at lines, else at blanks, else between characters."""
        while not self.fits(start, end):
            cut = self._text_cut(start, self._ruler.advance(start, self._room(start)))
            self.add(start, cut)
            start = cut
        self.add(start, end)

    def separate(self) -> None:
        """Let nothing that follows join what is there, a small head excepted."""
        if self._cuts and not self.is_small_head():
            self.finish()

    def finish(self) -> None:
        """Close the open piece; a small tail takes ranges over from the piece before."""
        if not self._cuts:
            return
        if self._full_cuts and self._is_small_tail(self._cuts[0]):
            self._take_over()
        self._emit()
        self._full_cuts = []

    def _emit(self) -> None:
        if self._source[self._cuts[0] : self._end].decode().isspace():
            self._full_cuts = []  # bytes know fewer blanks than characters do
        elif self._closes_the_last():
            self.pieces[-1] = self.pieces[-1]._replace(end=self._end)
        else:
            self.pieces.append(Packed(self._cuts[0], self._end, self._end))
        self._cuts = []

    def _closes_the_last(self) -> bool:
        """Whether the open piece is nothing but marks, such as `}`, that the last can take."""
        if not self.pieces or self._end - self._cuts[0] > _LONGEST_CLOSING:
            return False
        if not self.fits(self.pieces[-1].start, self._end):
            return False
        return not any(map(_is_word, self._source[self._cuts[0] : self._end]))

    def _take_over(self) -> None:
        for cut in reversed(self._full_cuts[1:]):
            start = self._indented(cut, self._end)
            if not self.fits(start, self._end):
                return
            before = self.pieces[-1].start
            end = before + len(self._source[before:start].rstrip())
            if self._source[before:end].decode().isspace():
                return  # as in `_emit`: what would be left is blank
            self.pieces[-1] = Packed(before, end, end)
            self._cuts[0] = start
            if not self._is_small_tail(start):
                return

    def _is_small_tail(self, start: int) -> bool:
        return self._ruler.chars(start, self._end) * _SMALL_TAIL < self._limit

    def _trimmed(self, start: int, end: int) -> tuple[int, int]:
        if end > start and self._source[start] > _SPACE and self._source[end - 1] > _SPACE:
            return start, end
        text = self._source[start:end]
        kept = text.lstrip()
        start += len(text) - len(kept)
        return start, start + len(kept.rstrip())

    def _indented(self, start: int, end: int) -> int:
        """The start of the line when only blanks stand before `start` and they fit too."""
        line = self._source.rfind(b"\n", max(0, start - self._limit), start) + 1
        indented = line if line and not self._source[line:start].strip() else start
        return indented if self.fits(indented, end) else start

    def _room(self, start: int) -> int:
        """How much of a text may join the open piece: none of it when that is half full."""
        used = self._ruler.chars(self._cuts[0], start) if self._cuts else 0
        return self._limit - used if 2 * used < self._limit else self._limit

    def _text_cut(self, start: int, end: int) -> int:
        """The best place to cut in `start < cut <= end`: a paragraph, line, blank or word's end."""
        middle = (start + end) // 2
        for mark in _PARAGRAPHS:
            at = self._source.rfind(mark, middle, end)
            if at >= 0 and self._source[start:at].strip():
                return at + len(mark)
        for mark in _BLANKS:
            at = self._source.rfind(mark, start, end)
            if at >= 0 and self._source[start:at].strip():
                return at + 1
        return self._word_cut(start, end)

    def _word_cut(self, start: int, end: int) -> int:
        if end < len(self._source) and _is_word(self._source[end]):
            for cut in range(end, max(start, end - _LONGEST_WORD), -1):
                if not _is_word(self._source[cut - 1]):
                    return cut
        return end


def _is_word(byte: int) -> bool:
    return byte >= 0x80 or byte in _WORD_BYTES
