"""A file's lines from its pieces: the file, or said not to be."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.discover import content_hash
from engine.errors import TextNotFound
from engine.index.file_text import FileText, Piece, StoredFile, text_of
from engine.index.lines import MAX_CHARS, MAX_LINE_CHARS, MAX_LINES, USUAL_LINES, lines_of
from engine.languages import language_named

LINE_END = re.compile(r"\r\n|\r|\n")

WORDS = st.sampled_from(
    ["def f(a):", "class C:", "return", "x = 1", "# note", "é", "\u2028", "long" * 9, "(", ")", '"']
)
LINES = st.builds("".join, st.lists(st.one_of(WORDS, st.sampled_from([" ", "    ", "\t"]))))
TEXTS = st.builds(
    lambda lines, end, last: end.join(lines) + last,
    st.lists(LINES, max_size=30),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\n"]),
)


def stored(
    content: bytes, *, language: str = "python", chunk_chars: int = 60, **changes: object
) -> StoredFile:
    """What the index holds of a file."""
    text = content.decode("utf-8-sig")
    chunks = language_named(language).analyse("a.py", text, chunk_chars=chunk_chars).chunks
    pieces = tuple(
        Piece(chunk.symbol, chunk.kind, chunk.start_line, chunk.end_line, text=chunk.text)
        for chunk in chunks
    )
    known = {
        "realm": "r", "path": "a.py", "language": language, "generation": 1, "commit": "",
        "content_hash": content_hash(content), "size": len(content), "skipped": None,
        "error": None, "pieces": pieces,
    }  # fmt: skip
    return StoredFile(**{**known, **changes})  # type: ignore[arg-type]


@given(TEXTS, st.sampled_from(["python", "text", "markdown", "javascript"]))
@settings(deadline=None, max_examples=60)
def test_the_lines_are_the_files_or_are_said_to_lack_blanks(text: str, language: str) -> None:
    file = stored(text.encode(), language=language)
    wanted = LINE_END.split(text)
    if not text.strip() and text:
        with pytest.raises(TextNotFound):
            text_of(file)
        return
    found = text_of(file)
    if found.exact:
        assert list(found.lines) == (wanted if wanted[-1] else wanted[:-1])
    bare = ["".join(line.split()) for line in wanted]
    told = ["".join(line.split()) for line in found.lines]
    assert told == bare[: len(told)]
    assert not any(bare[len(told) :])


TIDY = "import os\n\n\nclass Shop:\n" + "".join(
    f"    def sell_{n}(self, order):\n        return order.total * {n}\n\n" for n in range(40)
).rstrip("\n")


@pytest.mark.parametrize(("content", "chunk_chars"), [
    (TIDY.encode() + b"\n", 200),
    (TIDY.encode(), 200),
    (TIDY.replace("\n", "\r\n").encode() + b"\r\n", 200),
    (b"\xef\xbb\xbf" + TIDY.encode() + b"\n", 200),
    # One line, so long that it is cut at blanks and between words.
    (b"value = [" + b"some, words,and;others " * 9 + b"]\n", 60),
    # A piece as long as may be has no room for its indentation.
    (b"class C:\n" + b"    " + b"x" * 58 + b"\n    y = 1\n", 60),
])  # fmt: skip
def test_a_tidy_file_is_told_to_the_byte(content: bytes, chunk_chars: int) -> None:
    found = text_of(stored(content, chunk_chars=chunk_chars))
    assert found.exact
    assert list(found.lines) == LINE_END.split(content.decode("utf-8-sig").rstrip())


def test_another_text_of_the_same_length_is_not_taken_for_the_file() -> None:
    content = TIDY.encode()
    other = stored(content, content_hash=content_hash(content.replace(b"sell", b"lend")))
    assert not text_of(other).exact


def test_what_a_visitor_added_is_no_line_of_the_file() -> None:
    file = stored(b"one\ntwo\n", language="text")
    added = Piece("", "shape", 1, 1, text="Pet {name: string}")
    told = text_of(StoredFile(**{**as_fields(file), "pieces": (*file.pieces, added)}))
    assert told == FileText(("one", "two"), exact=True, left_out=1)


def as_fields(file: StoredFile) -> dict[str, object]:
    return {name: getattr(file, name) for name in StoredFile.__dataclass_fields__}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"pieces": (), "skipped": "binary"}, "binary"),
        ({"pieces": (), "error": "byte 0xd8 is not UTF-8"}, "not UTF-8"),
        ({"language": "card"}, "by its values"),
    ],
)
def test_a_file_without_lines_says_why(changes: dict[str, object], why: str) -> None:
    with pytest.raises(TextNotFound, match=why):
        text_of(StoredFile(**{**as_fields(stored(b"one\n", language="text")), **changes}))


def test_an_empty_file_has_no_lines() -> None:
    assert text_of(stored(b"")) == FileText((), exact=True, left_out=0)


def test_a_file_whose_last_visit_failed_is_said_to_be_old() -> None:
    told = lines_of(stored(b"old\n", error="not UTF-8", content_hash=b"new"))
    assert told.lines == ("old",)
    assert not told.exact
    assert told.notes == ("as it was before its last visit, which failed: not UTF-8",)


def test_pages_of_lines_follow_each_other_to_the_end() -> None:
    content = "".join(f"line {n}\n" for n in range(1, 2_501)).encode()
    file = stored(content, language="text", chunk_chars=1200)
    first = lines_of(file)
    assert (first.start_line, first.end_line, first.next_line) == (1, USUAL_LINES, USUAL_LINES + 1)
    assert len(lines_of(file, start=1, end=9_999).lines) == MAX_LINES
    seen, start = [], 1
    while start:
        page = lines_of(file, start=start, end=start + 600)
        seen += page.lines
        start = page.next_line or 0
    assert seen == content.decode().splitlines()
    behind = lines_of(file, start=9_000)
    assert (behind.lines, behind.next_line, behind.line_count) == ((), None, 2_500)


def test_what_is_returned_is_bounded_in_characters() -> None:
    file = stored(("x" * 5_000 + "\n").encode() * 60, language="text", chunk_chars=8_000)
    told = lines_of(file)
    assert sum(len(line) + 1 for line in told.lines) <= MAX_CHARS
    assert {len(line) for line in told.lines} == {MAX_LINE_CHARS}
    assert told.next_line == len(told.lines) + 1
    assert "only the first 1,000 characters" in told.notes[-1]
