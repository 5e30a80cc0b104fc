"""The vectors in a provider's answer, in each of the three dialects. Knows no HTTP.

Whatever the JSON is, what comes of it is rows or `BadVectors`.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.embedders.embedder import BadVectors

Row: TypeAlias = NDArray[np.float64]

MAX_NUMBERS: Final = 16_000
"""The database holds no longer vector."""


def openai_rows(answer: Any, count: int) -> list[Row]:
    """`{"data": [{"index": 0, "embedding": [...] or base64 of float32}, ...]}`, in any order.

    Without any `index` the order is that of the list.
    """
    items = _listed(answer, "data", count)
    rows = [_row(_field(item, "embedding")) for item in items]
    places = [item.get("index") for item in items]
    if all(place is None for place in places):
        return rows
    if not all(type(place) is int for place in places) or sorted(places) != list(range(count)):
        raise BadVectors(f"the indexes of {count} vectors are not 0 to {count - 1}, each once")
    return [row for _, row in sorted(zip(places, rows, strict=True), key=lambda each: each[0])]


def ollama_rows(answer: Any, count: int) -> list[Row]:
    """`{"embeddings": [[...], ...]}`."""
    return [_row(numbers) for numbers in _listed(answer, "embeddings", count)]


def vertex_rows(answer: Any, count: int) -> list[Row]:
    """`{"predictions": [{"embeddings": {"values": [...]}}, ...]}`."""
    predictions = _listed(answer, "predictions", count)
    return [_row(_field(_field(each, "embeddings"), "values")) for each in predictions]


def one_size(rows: Sequence[Row]) -> int:
    """How long the rows are, if they are of one length that the database can hold."""
    sizes = {len(row) for row in rows}
    if len(sizes) != 1:
        raise BadVectors(f"vectors of different sizes: {sorted(sizes)[:5]}")
    (size,) = sizes
    if not 1 <= size <= MAX_NUMBERS:
        raise BadVectors(f"vectors of {size} numbers; there must be 1 to {MAX_NUMBERS:,}")
    return size


def _listed(answer: Any, name: str, count: int) -> list[Any]:
    found = _field(answer, name)
    if not isinstance(found, list):
        raise BadVectors(f"the answer's {name!r} is no list")
    if len(found) != count:
        raise BadVectors(f"{len(found)} vectors for {count} texts")
    return found


def _field(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise BadVectors(f"the answer has no {name!r} where it should be")
    return value[name]


def _row(numbers: Any) -> Row:
    if isinstance(numbers, str):
        return _decoded(numbers)
    # numpy would also read numbers from texts, and take true for 1.
    if not isinstance(numbers, list) or not all(type(each) in (int, float) for each in numbers):
        raise BadVectors("a vector is no list of numbers")
    try:
        return np.array(numbers, dtype=np.float64)
    except OverflowError:
        raise BadVectors("a vector holds a number that is too large") from None


def _decoded(text: str) -> Row:
    try:
        numbers = base64.b64decode(text, validate=True)
        return np.frombuffer(numbers, dtype="<f4").astype(np.float64)
    except (binascii.Error, ValueError):
        raise BadVectors("a vector is no base64 of 32-bit floats") from None
