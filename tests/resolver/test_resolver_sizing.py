"""How many files to visit at once, as a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver import render_envelope, visit_concurrency

TABLE = [
    # tabs, cap, files, width, visits at once
    (5, 4, 0, 0, 1),
    (5, 4, 1, 1, 1),
    (5, 4, 9, 9, 1),
    (5, 4, 100, 1, 1),
    (5, 4, 100, 2, 1),
    (2, 4, 100, 20, 1),
    (1, 4, 100, 20, 1),
    (5, 1, 100, 20, 1),
    (5, 4, 10, 9, 4),
    (5, 8, 100, 3, 3),
    (10, 3, 100, 20, 3),
    (3, 10, 100, 20, 2),
    (100, 64, 1000, 500, 64),
]


@pytest.mark.parametrize(("tabs", "cap", "files", "width", "visits"), TABLE)
def test_the_smallest_ceiling_wins(
    tabs: int, cap: int, files: int, width: int, visits: int
) -> None:
    assert visit_concurrency(files, width, envelope=render_envelope(tabs), cap=cap) == visits


@given(st.integers(), st.integers(), st.integers(), st.integers())
def test_there_is_always_one_visit_and_never_more_than_a_ceiling(
    total: int, width: int, envelope: int, cap: int
) -> None:
    visits = visit_concurrency(total, width, envelope=envelope, cap=cap)
    assert 1 <= visits <= max(1, min(width, envelope, cap))


@pytest.mark.parametrize(("tabs", "envelope"), [(-3, 1), (0, 1), (1, 1), (2, 1), (5, 4)])
def test_one_tab_stays_free_for_nested_loads(tabs: int, envelope: int) -> None:
    assert render_envelope(tabs) == envelope
