"""Text embeddings of Vertex AI, over its REST API."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.embedders.answers import Row, vertex_rows
from engine.embedders.google_tokens import AccessTokens, MetadataServer, TokenSource
from engine.embedders.remote import USUAL, CallLimits, Phrasing, RemoteEmbedder
from engine.errors import BadSetting

if TYPE_CHECKING:
    from engine.embedders.http_client import Reply

DOCUMENTS: Final = Phrasing(task="RETRIEVAL_DOCUMENT")
QUESTIONS: Final = Phrasing(task="RETRIEVAL_QUERY")

# Of the models named gemini-embedding-..., one text a call is what all regions take.
MAX_TEXTS: Final = 250
ONE_BY_ONE: Final = "gemini-embedding"


class VertexEmbedder(RemoteEmbedder):
    """`url` goes down to the location:
    `https://us-central1-aiplatform.googleapis.com/v1/projects/mine/locations/us-central1`.

    The tasks of the two phrasings are Vertex's task types. Texts are never cut off in silence.
    """

    _kind = "vertex"

    def __init__(
        self,
        url: str,
        model: str,
        *,
        credentials: TokenSource | None = None,
        dimension: int | None = None,
        documents: Phrasing = DOCUMENTS,
        questions: Phrasing = QUESTIONS,
        limits: CallLimits = USUAL,
    ) -> None:
        super().__init__(
            url, model, dimension=dimension, documents=documents, questions=questions, limits=limits
        )
        if not self._url.is_https and not self._url.is_loopback:
            raise BadSetting("WIDTHWISE_EMBED_URL: an access token is sent over https only")
        self._texts_per_call = 1 if model.startswith(ONE_BY_ONE) else MAX_TEXTS
        self._credentials = credentials or MetadataServer()
        self._tokens = AccessTokens(self._credentials)

    def _path(self) -> str:
        return f"/publishers/google/models/{self._model}:predict"

    def _body(self, texts: Sequence[str], task: str) -> dict[str, Any]:
        parameters: dict[str, Any] = {"autoTruncate": False}
        if self._asked:
            parameters["outputDimensionality"] = self._asked
        task_type = {"task_type": task} if task else {}
        return {
            "instances": [{"content": text, **task_type} for text in texts],
            "parameters": parameters,
        }

    def _parse(self, answer: Any, count: int) -> list[Row]:
        return vertex_rows(answer, count)

    async def _headers(self) -> Mapping[str, str]:
        return self._url.authorization(await self._tokens.current(self._open_client))

    def _advice(self) -> str:
        return f"look whether the account of {self._credentials!r} may use Vertex AI in the project"

    def _secrets(self) -> tuple[str, ...]:
        return (self._tokens.token,)

    def _mend(self, reply: "Reply") -> bool:
        # A token may be withdrawn before its time.
        if reply.status == 401:
            self._tokens.forget()
        return reply.status == 401
