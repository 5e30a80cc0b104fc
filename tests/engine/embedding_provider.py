"""A real embedding provider over HTTP on loopback, and the embedder of the tests that calls it.

What the provider does with a call is up to the test: it may wait, refuse, or lie.
"""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.embedders import HashedEmbedder

Rows = list[list[float]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came in; `number` counts from 1."""

    number: int
    texts: tuple[str, ...]


class Refusal(Exception):
    """Raised by a test's `on_call`: the call is answered with this status."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = dict(headers or {})


async def answer(_: Call) -> None:
    """What `on_call` is until a test sets it."""


def truth(rows: Rows) -> Any:
    """What `lie` is until a test sets it."""
    return rows


@dataclass
class Provider:
    """`on_call` sees each call before it is answered, `lie` the vectors before they leave.

    `calls` is the log: every call that came in, `answered` those that were answered well.
    """

    url: str
    on_call: Callable[[Call], Awaitable[None]] = answer
    lie: Callable[[Rows], Any] = truth
    calls: list[Call] = field(default_factory=list)
    answered: list[Call] = field(default_factory=list)
    _open: list[anyio.CancelScope] = field(default_factory=list)
    _moved: anyio.Event = field(default_factory=anyio.Event)
    _hashed: HashedEmbedder = field(default_factory=HashedEmbedder)

    @property
    def in_flight(self) -> int:
        return len(self._open)

    @property
    def sizes(self) -> list[int]:
        return [len(call.texts) for call in self.calls]

    @property
    def texts(self) -> list[str]:
        """All that was ever sent, in order; a text that was sent twice is here twice."""
        return [text for call in self.calls for text in call.texts]

    def mend(self) -> None:
        """Answer truly from now on, and forget the calls so far."""
        self.on_call, self.lie = answer, truth
        self.calls.clear()
        self.answered.clear()

    async def until(self, condition: Callable[["Provider"], bool]) -> None:
        """Wait for something that a call brings about."""
        while not condition(self):
            await self._moved.wait()

    async def serve(self, request: Request) -> Response:
        sent = (await request.json())["input"]
        call = Call(len(self.calls) + 1, tuple(sent))
        self.calls.append(call)
        with self._under_way():
            try:
                await self.on_call(call)
            except Refusal as refusal:
                return Response("refused", refusal.status, refusal.headers)
            rows = self.lie((await self._hashed.embed(sent)).tolist())
            self.answered.append(call)
            return _answer(rows)
        return Response(status_code=503)

    def close(self) -> None:
        """Let go of the calls that wait, perhaps for something that never comes."""
        for scope in self._open:
            scope.cancel()

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        with anyio.CancelScope() as scope:
            self._open.append(scope)
            self._move()
            try:
                yield
            finally:
                self._open.remove(scope)
                self._move()

    def _move(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()


def _answer(rows: Any) -> Response:
    data = [{"index": at, "object": "embedding", "embedding": row} for at, row in enumerate(rows)]
    # Not Starlette's, which refuses to say NaN.
    return Response(json.dumps({"object": "list", "data": data}), media_type="application/json")


@asynccontextmanager
async def embedding_provider() -> AsyncIterator[Provider]:
    """A provider for the length of the block. Calls that wait at its end are dropped."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        provider = Provider(f"http://127.0.0.1:{listener.getsockname()[1]}")
        application = Starlette(routes=[Route("/v1/embeddings", provider.serve, methods=["POST"])])
        server = _Server(uvicorn.Config(application, lifespan="off", ws="none", log_config=None))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            try:
                yield provider
            finally:
                provider.close()
                server.should_exit = server.force_exit = True


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are pytest's."""
        yield


class HttpEmbedder:
    """Asks a provider, and knows no retry; what HTTP says is wrong is raised as it is."""

    dimension = 256

    def __init__(self, url: str, *, fingerprint: str = "provider/1") -> None:
        self.fingerprint = fingerprint
        self._url = f"{url}/v1/embeddings"

    async def embed(self, texts: Sequence[str]) -> Any:
        # No time-out of its own: that of the queue is what is tested.
        async with httpx.AsyncClient(timeout=None, trust_env=False, verify=False) as client:
            response = await client.post(self._url, json={"model": "m", "input": list(texts)})
        response.raise_for_status()
        return [row["embedding"] for row in response.json()["data"]]
