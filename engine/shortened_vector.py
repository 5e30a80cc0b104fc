"""The vector of a text whose end the embedder had no room for. Knows no file."""

from typing import Any

from pgvector import HalfVector


class ShortenedVector(HalfVector):
    """Stands for the first `chars` characters of its text. Compared and stored as any other."""

    def __init__(self, value: Any, *, chars: int) -> None:
        super().__init__(value)
        self.chars = chars


def chars_of(vector: HalfVector) -> int | None:
    """Of how many characters it is, if it is not of the whole text."""
    return vector.chars if isinstance(vector, ShortenedVector) else None


def marked(vector: HalfVector, *, chars: int | None) -> HalfVector:
    """The inverse of `chars_of`."""
    return vector if chars is None else ShortenedVector(vector.to_numpy(), chars=chars)
