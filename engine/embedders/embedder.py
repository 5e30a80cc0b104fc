"""What the engine asks of an embedder, and the check that its answer passes."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engine.errors import WidthwiseError

Vectors: TypeAlias = NDArray[np.float32]
"""One row a text, in the order of the texts; each row has length one."""


class Embedder(Protocol):
    """Turns texts into vectors. The vector of a text depends on that text alone.

    `fingerprint` identifies all that decides a vector: model, weights, pooling, version.
    Vectors of two fingerprints are never compared, nor is one reused for the other.
    """

    @property
    def fingerprint(self) -> str: ...
    @property
    def dimension(self) -> int: ...

    async def embed(self, texts: Sequence[str]) -> Vectors: ...


@runtime_checkable
class QuestionEmbedder(Protocol):
    """What an embedder may have beside `embed`: its model takes questions in another way."""

    async def embed_question(self, question: str) -> Vectors:
        """One row, comparable with those of documents."""


class BadVectors(WidthwiseError):
    """An embedder answered with something that is not one usable vector a text."""


class TextTooLong(WidthwiseError):
    """The provider refused a batch because a text, or all together, is too long."""


class EmbedderUnavailable(WidthwiseError):
    """The provider can't be reached, or is out of order; it may be back later.

    `retry_after_seconds` is when it said to ask again, if it did.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


async def question_row(embedder: Embedder, question: str) -> NDArray[np.float32]:
    """The vector of a question, as the embedder puts questions to its model."""
    if isinstance(embedder, QuestionEmbedder):
        rows = await embedder.embed_question(question)
    else:
        rows = await embedder.embed([question])
    row: NDArray[np.float32] = checked(rows, 1, embedder.dimension)[0]
    return row


def checked(vectors: object, count: int, dimension: int) -> Vectors:
    """`vectors` as `count` rows of unit length, or `BadVectors` with the reason.

    A row of zeros has no direction: it would be equally near to everything, so it is an
    error and not a vector.
    """
    rows = _numbers(vectors)
    if count == 0 and rows.size == 0:
        return np.empty((0, dimension), np.float32)
    if rows.shape != (count, dimension):
        got = " x ".join(map(str, rows.shape))
        raise BadVectors(f"expected {count} vectors of {dimension} numbers, got {got}")
    unusable = ~np.isfinite(rows).all(axis=1)
    if unusable.any():
        raise BadVectors(f"vector {unusable.argmax()} of {count} holds NaN or infinity")
    # Scaled by the largest number first: the squares of very large or very small ones
    # would overflow or vanish.
    largest = np.abs(rows).max(axis=1)
    if not largest.all():
        raise BadVectors(f"vector {largest.argmin()} of {count} is zero")
    scaled = rows / largest[:, None]
    scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
    unit: Vectors = scaled.astype(np.float32)
    return unit


def _numbers(vectors: object) -> NDArray[np.float64]:
    try:
        return np.asarray(vectors, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadVectors(f"not a table of numbers: {error}") from error
