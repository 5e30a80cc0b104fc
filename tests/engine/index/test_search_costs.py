"""How much of an index is looked at before anything has been found."""

import pytest

from engine.index.search_costs import index_settings


@pytest.mark.parametrize(
    ("parts", "rows", "candidates"),
    [
        # Of a table that the planner knows nothing of, there are said to be -1.
        (1, -1, 200),
        (1, 200_000, 200),
        (1, 800_000, 400),
        (1, 10_000_000_000, 1_000),
        (16, 10_000, 50),
        (16, 800_000, 100),
        (256, 10_000, 40),
    ],
)
def test_candidates_grow_with_the_rows_and_are_shared_by_the_parts(
    parts: int, rows: int, candidates: int
) -> None:
    settings = index_settings("0.8.1", depth=200, parts=parts, rows=rows)
    assert settings["hnsw.ef_search"] == str(candidates)


def test_an_old_pgvector_is_asked_for_all_that_it_can_return() -> None:
    assert index_settings("0.7.4", depth=10)["hnsw.ef_search"] == "1000"
