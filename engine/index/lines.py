"""Lines of a file as callers get them, bounded. Knows neither database nor disk."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine.index.file_text import FileText, StoredFile, text_of

USUAL_LINES = 200
MAX_LINES = 1_000
MAX_CHARS = 40_000
MAX_LINE_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a file of the live index, from `start_line` on.

    `exact` says that the file's text was told to the byte (see `FileText`); what else a reader
    has to know stands in `notes`. `line_count` is how many lines there are that hold something;
    `next_line` where to go on, if these are not the last.
    """

    realm: str
    path: str
    language: str
    generation: int
    commit: str
    start_line: int
    line_count: int
    lines: tuple[str, ...]
    exact: bool
    next_line: int | None
    notes: tuple[str, ...]

    @property
    def end_line(self) -> int:
        return self.start_line + len(self.lines) - 1

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "end_line": self.end_line}


def lines_of(stored: StoredFile, *, start: int = 1, end: int | None = None) -> Lines:
    """The lines `start` to `end`, both inclusive; `USUAL_LINES` of them without an `end`.

    No more than `MAX_LINES` of together `MAX_CHARS` characters, each cut behind
    `MAX_LINE_CHARS`.
    """
    text, start = text_of(stored), max(start, 1)
    last = min(start + USUAL_LINES - 1 if end is None else end, start + MAX_LINES - 1)
    shown = tuple(_within(text.lines[start - 1 : last]))
    behind = start + len(shown)
    whole = Lines(
        stored.realm,
        stored.path,
        stored.language,
        stored.generation,
        stored.commit,
        start,
        len(text.lines),
        shown,
        text.exact,
        behind if shown and behind <= len(text.lines) else None,
        tuple(notes_on(stored, text)),
    )
    return _with_note_on_cuts(whole, text.lines[start - 1 : last])


def _within(lines: Sequence[str]) -> Iterator[str]:
    """The first of the lines, as many as fit; at least one."""
    left = MAX_CHARS
    for number, line in enumerate(lines):
        shown = line[:MAX_LINE_CHARS]
        left -= len(shown) + 1
        if left < 0 and number:
            return
        yield shown


def _with_note_on_cuts(found: Lines, asked: Sequence[str]) -> Lines:
    cut = [
        number
        for number, line in enumerate(asked[: len(found.lines)], found.start_line)
        if len(line) > MAX_LINE_CHARS
    ]
    if not cut:
        return found
    several = f"line {cut[0]}" if len(cut) == 1 else f"line {cut[0]} and {len(cut) - 1} more"
    note = f"{several}: only the first {MAX_LINE_CHARS:,} characters are shown"
    return replace(found, notes=(*found.notes, note))


def notes_on(stored: StoredFile, text: FileText) -> Iterator[str]:
    """What a reader has to know of a text that is not surely the file's."""
    if stored.error is not None:
        yield f"as it was before its last visit, which failed: {stored.error}"
    elif not text.exact:
        yield (
            "put together from what is indexed: blanks may be missing at the ends of lines, in "
            "lines that are otherwise empty, and where a piece was cut off"
        )
    if text.left_out:
        yield "what its visitor has added is found by search, and is not among the lines"
