"""Vectors from outside are checked before anything is stored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.embedders import BadVectors, checked

ROWS = arrays(
    np.float64, st.tuples(st.just(3), st.just(4)), elements=st.floats(-1e300, 1e300, width=64)
)


@given(ROWS)
def test_accepted_rows_have_unit_length_and_their_direction(rows: np.ndarray) -> None:
    if not np.abs(rows).max(axis=1).all():
        with pytest.raises(BadVectors, match="is zero"):
            checked(rows, 3, 4)
        return
    unit = checked(rows, 3, 4)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
    largest = np.abs(rows).argmax(axis=1)
    assert (np.sign(unit[range(3), largest]) == np.sign(rows[range(3), largest])).all()


@pytest.mark.parametrize(
    ("vectors", "reason"),
    [
        ([[1.0, 0.0]], "expected 2 vectors of 2 numbers, got 1 x 2"),
        ([[1.0], [1.0]], "got 2 x 1"),
        ([1.0, 2.0], "got 2$"),
        ([], "got 0$"),
        ([[1.0, 0.0], [1.0]], "not a table of numbers"),
        ([["a", "b"], ["c", "d"]], "not a table of numbers"),
        ([[1.0, None], [1.0, 1.0]], "NaN"),
        (None, "expected 2 vectors"),
        ([[1.0, 0.0], [float("nan"), 0.0]], "vector 1 of 2 holds NaN or infinity"),
        ([[float("inf"), 0.0], [1.0, 0.0]], "vector 0 of 2 holds NaN or infinity"),
        ([[1.0, 0.0], [0.0, 0.0]], "vector 1 of 2 is zero"),
    ],
)
def test_unusable_vectors_are_refused_with_the_reason(vectors: object, reason: str) -> None:
    with pytest.raises(BadVectors, match=reason):
        checked(vectors, 2, 2)


def test_no_vectors_for_no_texts_are_fine() -> None:
    assert checked([], 0, 5).shape == (0, 5)
