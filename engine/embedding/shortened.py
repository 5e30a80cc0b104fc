"""The vector of a text whose end the embedder had no room for. Knows no file."""

from typing import Any

from pgvector import HalfVector


class ShortenedVector(HalfVector):
    """Stands for the first `chars` characters of its text. Compared and stored as any other."""

    def __init__(self, value: Any, *, chars: int) -> None:
        super().__init__(value)
        self.chars = chars
