"""What providers share that are shown a key, or what stands in their address. Knows no dialect."""

from collections.abc import Mapping

from engine.embedders.provider_url import clean_key
from engine.embedders.remote import AS_IT_IS, USUAL, CallLimits, Phrasing, RemoteEmbedder


class KeyedEmbedder(RemoteEmbedder):
    """`url` is the base of the provider's addresses, without the path of what is asked."""

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
            url, model, dimension=dimension, documents=documents, questions=questions, limits=limits
        )
        self._key = clean_key(key)

    async def _headers(self) -> Mapping[str, str]:
        return self._url.authorization(self._key)

    def _secrets(self) -> tuple[str, ...]:
        return (self._key, self._url.basic, self._url.query)
