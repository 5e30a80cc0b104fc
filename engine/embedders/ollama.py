"""Ollama's `/api/embed`."""

from collections.abc import Sequence
from typing import Any, Final

from engine.embedders.answers import Row, ollama_rows
from engine.embedders.keyed import KeyedEmbedder

OLLAMA_URL: Final = "http://localhost:11434"


class OllamaEmbedder(KeyedEmbedder):
    """`url` is the base: `http://localhost:11434`. A `key` is for a proxy in front of it.

    It is told not to cut off what is too long, which it would do in silence.
    """

    _kind = "ollama"
    _texts_per_call = 2_048

    def _path(self) -> str:
        return "/api/embed"

    def _body(self, texts: Sequence[str], task: str) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self._model, "input": texts, "truncate": False}
        if self._asked:
            body["dimensions"] = self._asked
        return body

    def _parse(self, answer: Any, count: int) -> list[Row]:
        return ollama_rows(answer, count)
