"""What comes back as a cursor was handed out, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadCursor
from engine.index.cursor import DEEPEST, Cursor, digest


@given(st.integers(0, 2 * DEEPEST), st.integers(1, DEEPEST), st.text(), st.text())
def test_a_cursor_is_read_as_it_was_written(offset: int, depth: int, one: str, two: str) -> None:
    cursor = Cursor(offset, depth, digest([one]), digest([two]))
    assert Cursor.parse(str(cursor)) == cursor


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.parse(text)


@pytest.mark.parametrize(
    "cursor",
    [
        Cursor(-1, 200, "", ""),
        Cursor(0, 0, "", ""),
        Cursor(0, 10**9, "", ""),
        Cursor(10**12, 200, "", ""),
        Cursor(True, 200, "", ""),
        Cursor(0, 200, "x" * 1_000, ""),
    ],
    ids=repr,
)
def test_one_that_asks_for_too_much_is_refused(cursor: Cursor) -> None:
    with pytest.raises(BadCursor):
        Cursor.parse(str(cursor))
