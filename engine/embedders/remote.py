"""An embedder behind HTTP: what all of them share. Each dialect is a subclass.

Before the first pass the size of its vectors must be known: asked for by settings, learned
from one text (`probe`), or remembered from an earlier day (`assume`).
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import anyio
import numpy as np

from engine.embedders.answers import MAX_NUMBERS, Row, one_size
from engine.embedders.embedder import BadVectors, EmbedderUnavailable, Vectors, checked
from engine.embedders.provider_url import ProviderUrl
from engine.embedders.refusal import Refused, error_of
from engine.errors import BadSetting, WidthwiseError

if TYPE_CHECKING:
    from engine.embedders.http_client import HttpClient, Reply

# The numbers of the longest vector there is take less, written out.
_BYTES_OF_TEXT: Final = 32 * MAX_NUMBERS
_BYTES_OF_FRAME: Final = 1 << 20

_PROBE = "widthwise"

# What stands for a text without any sign in it: most providers refuse those.
_BLANK = "(empty)"


@dataclass(frozen=True, slots=True)
class Phrasing:
    """How texts are put to a model: with `prefix` before each, and `task` beside them.

    The task is sent as the dialect has it: `input_type`, `task_type`, or not at all.
    """

    prefix: str = ""
    task: str = ""


AS_IT_IS: Final = Phrasing()


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How many calls are under way at most, and what one may take.

    Who searches waits no longer than `question_seconds`: there are words left to search by.
    """

    concurrency: int = 8
    timeout_seconds: float = 300.0
    question_seconds: float = 10.0


USUAL: Final = CallLimits()


class RemoteEmbedder:
    """Asks a provider. Open it with `async with`, as an engine does with the one it is given.

    `documents` and `questions` say how either is put to the model. The former is part of the
    fingerprint, with provider, model and size; the latter changes no stored vector.
    """

    _kind: ClassVar[str]
    _texts_per_call: int  # What the provider takes.

    def __init__(
        self,
        url: str,
        model: str,
        *,
        dimension: int | None,
        documents: Phrasing,
        questions: Phrasing,
        limits: CallLimits,
    ) -> None:
        if not model:
            raise BadSetting("WIDTHWISE_EMBED_MODEL: not set; a provider is asked for a model")
        self._url = ProviderUrl.parsed(url)
        self._model = model
        self._asked = dimension
        self._dimension = dimension
        self._edition = 1
        self._sample: Vectors | None = None
        self._documents, self._questions = documents, questions
        self._limits = limits
        self._client: HttpClient | None = None
        self._closing = AsyncExitStack()
        self._users = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._where!r})"

    @property
    def identity(self) -> str:
        """All that decides a vector, but its size."""
        parts = [self._kind, str(self._url), self._model]
        if self._documents != AS_IT_IS:
            parts.append(f"{self._documents.task}:{self._documents.prefix!r}")
        return " ".join(parts)

    @property
    def fingerprint(self) -> str:
        edition = f"#{self._edition}" if self._edition > 1 else ""
        return f"{self.identity}/{self.dimension}{edition}"

    @property
    def edition(self) -> int:
        """Which of the models this is that had the same name, as far as anybody noticed."""
        return self._edition

    @property
    def sample(self) -> Vectors | None:
        """The vector of one text, always the same, from the last `probe`; one row."""
        return self._sample

    @property
    def dimension(self) -> int:
        if self._dimension is None:
            raise EmbedderUnavailable(f"{self._where}: nobody knows yet how long its vectors are")
        return self._dimension

    @property
    def is_measured(self) -> bool:
        """Whether the size is known, or taken for known."""
        return self._dimension is not None

    @property
    def asked_dimension(self) -> int | None:
        """The size that the user wants."""
        return self._asked

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Raises `TextTooLong`, `Throttled`, `EmbedderUnavailable`, `TimeoutError`,
        `PermanentFailure` or `BadVectors`; none of them holds the key or a text."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        rows = await self._rows(texts, self._documents)
        return self._checked(rows, len(texts))

    async def embed_question(self, question: str) -> Vectors:
        """One row. Gives up early, with `EmbedderUnavailable`."""
        rows = await self._soon([question], self._questions)
        return self._checked(rows, 1)

    async def probe(self) -> int:
        """Learn from one text how long the vectors are.

        `BadSetting` if another size was asked for: then the provider does not do as it is told.
        """
        rows = await self._soon([_PROBE], self._documents)
        found = one_size(rows)
        if self._asked not in (None, found):
            raise BadSetting(
                f"{self._where}: WIDTHWISE_EMBED_DIMENSION asks for {self._asked} numbers, and "
                f"the model gives {found}; leave it unset, or set it to {found}"
            )
        self._dimension = found
        self._sample = self._checked(rows, 1)
        return found

    def assume(self, dimension: int, *, edition: int = 1) -> None:
        """The size that its vectors had; what comes in another size is refused."""
        self._dimension = dimension
        self._edition = edition

    async def __aenter__(self) -> Self:
        if not self._users:
            self._client = await self._closing.enter_async_context(self._new_client())
        self._users += 1
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._users -= 1
        if not self._users:
            self._client = None
            await self._closing.aclose()

    @property
    def _where(self) -> str:
        return f"{self._url} {self._model}"

    def _path(self) -> str:
        raise NotImplementedError

    def _body(self, texts: Sequence[str], task: str) -> dict[str, Any]:
        raise NotImplementedError

    def _parse(self, answer: Any, count: int) -> list[Row]:
        raise NotImplementedError

    async def _headers(self) -> Mapping[str, str]:
        raise NotImplementedError

    def _advice(self) -> str:
        """What to look at when access is denied."""
        return "look at WIDTHWISE_EMBED_KEY"

    def _secrets(self) -> tuple[str, ...]:
        """What must be in no error, should the provider repeat it."""
        return ()

    def _mend(self, reply: "Reply") -> bool:
        """Whether the same is worth asking again, which it is once, after what this has changed."""
        return False

    def _new_client(self) -> "HttpClient":
        from engine.embedders.http_client import HttpClient  # noqa: PLC0415 - see there

        return HttpClient(
            concurrency=self._limits.concurrency, timeout_seconds=self._limits.timeout_seconds
        )

    @property
    def _open_client(self) -> "HttpClient":
        if self._client is None:
            raise RuntimeError(f"{self!r} is not open; use it inside `async with`")
        return self._client

    def _checked(self, rows: list[Row], count: int) -> Vectors:
        try:
            one_size(rows)
            return checked(rows, count, self.dimension)
        except BadVectors as error:
            raise BadVectors(f"{self._where}: {error}") from None

    async def _soon(self, texts: Sequence[str], phrasing: Phrasing) -> list[Row]:
        seconds = min(self._limits.question_seconds, self._limits.timeout_seconds)
        try:
            with anyio.fail_after(seconds):
                return await self._rows(texts, phrasing)
        except TimeoutError:
            raise EmbedderUnavailable(f"{self._where}: no answer in {seconds:g} s") from None

    async def _rows(self, texts: Sequence[str], phrasing: Phrasing) -> list[Row]:
        sent = [_sendable(phrasing.prefix + text) for text in texts]
        rows: list[Row] = []
        # One after the other: how much is under way at once is not for us to decide.
        for start in range(0, len(sent), self._texts_per_call):
            rows += await self._call(sent[start : start + self._texts_per_call], phrasing.task)
        return rows

    async def _call(self, texts: Sequence[str], task: str) -> list[Row]:
        reply = await self._post(texts, task)
        if reply.status != 200 and self._mend(reply):
            reply = await self._post(texts, task)
        if reply.status != 200:
            raise self._refusal(reply)
        try:
            return self._parse(_parsed(reply.body), len(texts))
        except BadVectors as error:
            raise BadVectors(f"{self._where}: {error}") from None

    def _refusal(self, reply: "Reply") -> WidthwiseError:
        refused = Refused(self._where, reply.status, reply.headers, reply.body)
        return error_of(refused, look_at=self._advice(), secrets=self._secrets())

    async def _post(self, texts: Sequence[str], task: str) -> "Reply":
        return await self._open_client.ask(
            "POST",
            self._url.at(self._path()),
            headers=await self._headers(),
            json=self._body(texts, task),
            max_bytes=_BYTES_OF_FRAME + len(texts) * _BYTES_OF_TEXT,
        )


def _sendable(text: str) -> str:
    """The text without half a pair of surrogates, which is no text to others."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole if whole.strip() else _BLANK


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadVectors("the answer is no JSON") from None
