"""Ollama's `/api/embed`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.embedders.answers import Row, ollama_rows
from engine.embedders.provider_url import clean_key
from engine.embedders.remote import AS_IT_IS, USUAL, CallLimits, Phrasing, RemoteEmbedder

OLLAMA_URL: Final = "http://localhost:11434"

MAX_TEXTS: Final = 2_048


class OllamaEmbedder(RemoteEmbedder):
    """`url` is the base: `http://localhost:11434`. A `key` is for a proxy in front of it.

    It is told not to cut off what is too long, which it would do in silence.
    """

    _kind = "ollama"

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str = "",
        dimension: int | None = None,
        documents: Phrasing = AS_IT_IS,
        questions: Phrasing = AS_IT_IS,
        limits: CallLimits = USUAL,
    ) -> None:
        super().__init__(
            url,
            model,
            dimension=dimension,
            documents=documents,
            questions=questions,
            texts_per_call=MAX_TEXTS,
            limits=limits,
        )
        self._key = clean_key(key)

    def _path(self) -> str:
        return "/api/embed"

    def _body(self, texts: Sequence[str], task: str) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self._model, "input": texts, "truncate": False}
        if self._asked:
            body["dimensions"] = self._asked
        return body

    def _parse(self, answer: Any, count: int) -> list[Row]:
        return ollama_rows(answer, count)

    async def _headers(self) -> Mapping[str, str]:
        return self._url.authorization(self._key)

    def _secrets(self) -> tuple[str, ...]:
        return (self._key, self._url.basic, self._url.query)
