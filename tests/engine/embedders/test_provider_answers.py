"""Whatever a provider answers with: rows in the order of the texts, or an error that is ours."""

import base64
import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.embedders import BadVectors, EmbedderUnavailable, TextTooLong, checked
from engine.embedders.answers import ollama_rows, one_size, openai_rows, vertex_rows
from engine.embedders.refusal import MAX_QUOTED, Refused, error_of
from engine.errors import PermanentFailure, Throttled

PARSERS = {"openai": openai_rows, "ollama": ollama_rows, "vertex": vertex_rows}
parsers = pytest.mark.parametrize("parse", PARSERS.values(), ids=PARSERS)

NAMES = st.sampled_from(
    ["data", "embedding", "embeddings", "index", "predictions", "values", "object", "error"]
)
NUMBERS = st.integers() | st.floats() | st.just(10**400) | st.booleans()
JSON = st.recursive(
    st.none() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
VALUES = st.lists(NUMBERS | st.none() | st.text(max_size=4), max_size=3)
# Nearly right, so that all of a parser is reached.
NEARLY = st.one_of(
    st.fixed_dictionaries(
        {"data": st.lists(st.fixed_dictionaries({"embedding": VALUES | JSON, "index": JSON}))}
    ),
    st.fixed_dictionaries({"embeddings": st.lists(VALUES | JSON)}),
    st.fixed_dictionaries(
        {
            "predictions": st.lists(
                st.fixed_dictionaries(
                    {"embeddings": st.fixed_dictionaries({"values": VALUES}) | JSON}
                )
            )
        }
    ),
)


@parsers
@settings(max_examples=60, deadline=None)
@given(answer=JSON | NEARLY, count=st.integers(1, 3))
def test_any_json_gives_vectors_or_a_clear_error(parse: Any, answer: Any, count: int) -> None:
    vectors = np.ones((0, 1))
    with suppress(BadVectors):
        rows = parse(json.loads(json.dumps(answer)), count)
        vectors = checked(rows, count, one_size(rows))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def wrapped(parse: Any, rows: list[Any], order: list[int]) -> Any:
    if parse is openai_rows:
        return {"data": [{"index": at, "embedding": rows[at]} for at in order]}
    if parse is ollama_rows:
        return {"embeddings": rows}
    return {"predictions": [{"embeddings": {"values": row}} for row in rows]}


@parsers
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_rows_come_in_the_order_of_the_texts(parse: Any, data: st.DataObject) -> None:
    row = st.lists(st.floats(-10, 10, width=32), min_size=2, max_size=2)
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    order = data.draw(st.permutations(range(len(rows))))
    sent: list[Any] = rows
    if parse is openai_rows and data.draw(st.booleans()):
        sent = [base64.b64encode(np.array(row, "<f4").tobytes()).decode() for row in rows]
    assert [list(row) for row in parse(wrapped(parse, sent, order), len(rows))] == rows


@pytest.mark.parametrize("places", [[0, 0], [1, 2], [0, None], [True, False], ["0", "1"], [0, 1.0]])
def test_indexes_that_name_no_order_are_refused(places: list[Any]) -> None:
    answer = {"data": [{"index": place, "embedding": [1.0]} for place in places]}
    with pytest.raises(BadVectors, match="indexes"):
        openai_rows(answer, 2)


@pytest.mark.parametrize("row", [["1"], [True], [[1.0]], {"0": 1.0}, "a", "YQ==", "\u00e4", 1.0])
def test_what_is_no_vector_is_refused(row: Any) -> None:
    with pytest.raises(BadVectors):
        openai_rows({"data": [{"embedding": row}]}, 1)


@settings(max_examples=60, deadline=None)
@given(
    status=st.integers(300, 599),
    body=st.binary(max_size=400) | JSON.map(lambda value: json.dumps(value).encode()),
    wait=st.none() | st.text(max_size=12),
)
def test_any_refusal_becomes_one_of_our_errors_and_one_short_line(
    status: int, body: bytes, wait: str | None
) -> None:
    headers = {} if wait is None else {"retry-after": wait}
    error = error_of(Refused("where m", status, headers, body), look_at="the key")
    kinds = (EmbedderUnavailable, PermanentFailure, TextTooLong, Throttled)
    assert isinstance(error, kinds)
    text = str(error)
    assert text.startswith(f"where m: {status}")
    assert len(text) < MAX_QUOTED + 200
    assert text.isprintable()
    if status >= 500:
        assert not isinstance(error, PermanentFailure)
