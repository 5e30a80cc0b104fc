"""Whoever speaks OpenAI's `/v1/embeddings`: OpenAI, vLLM, TEI, llama.cpp, LM Studio and more."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.embedders.answers import Row, openai_rows
from engine.embedders.provider_url import clean_key
from engine.embedders.remote import AS_IT_IS, USUAL, CallLimits, Phrasing, RemoteEmbedder

if TYPE_CHECKING:
    from engine.embedders.http_client import Reply

OPENAI_URL: Final = "https://api.openai.com/v1"

# What the provider takes in one call.
MAX_TEXTS: Final = 2_048


class OpenAIEmbedder(RemoteEmbedder):
    """`url` is the base: `https://api.openai.com/v1`. A `dimension` is asked of the provider.

    Vectors are asked for in base64, which costs a tenth of the time of numbers; a provider
    that refuses is asked for numbers from then on.
    """

    _kind = "openai"

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
        self._encoding = "base64"

    def _path(self) -> str:
        return "/embeddings"

    def _body(self, texts: Sequence[str], task: str) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self._model, "input": texts}
        if self._encoding:
            body["encoding_format"] = self._encoding
        if self._asked:
            body["dimensions"] = self._asked
        if task:
            body["input_type"] = task
        return body

    def _parse(self, answer: Any, count: int) -> list[Row]:
        return openai_rows(answer, count)

    async def _headers(self) -> Mapping[str, str]:
        return self._url.authorization(self._key)

    def _secrets(self) -> tuple[str, ...]:
        return (self._key, self._url.basic, self._url.query)

    def _mend(self, reply: "Reply") -> bool:
        refused = reply.status in (400, 422) and (
            b"encoding_format" in reply.body or b"base64" in reply.body
        )
        # Batches under way at once may all be refused, and each is to be sent again.
        if refused:
            self._encoding = ""
        return refused
