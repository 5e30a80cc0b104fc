"""Whoever speaks OpenAI's `/v1/embeddings`: OpenAI, vLLM, TEI, llama.cpp, LM Studio and more."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.embedders.answers import Row, openai_rows
from engine.embedders.keyed import KeyedEmbedder

if TYPE_CHECKING:
    from engine.embedders.http_client import Reply

OPENAI_URL: Final = "https://api.openai.com/v1"


class OpenAIEmbedder(KeyedEmbedder):
    """`url` is the base: `https://api.openai.com/v1`. A `dimension` is asked of the provider.

    Vectors are asked for in base64, which costs a tenth of the time of numbers; a provider
    that refuses is asked for numbers from then on.
    """

    _kind = "openai"
    _texts_per_call = 2_048
    _encoding = "base64"

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

    def _mend(self, reply: "Reply") -> bool:
        refused = reply.status in (400, 422) and (
            b"encoding_format" in reply.body or b"base64" in reply.body
        )
        # Batches under way at once may all be refused, and each is to be sent again.
        if refused:
            self._encoding = ""
        return refused
