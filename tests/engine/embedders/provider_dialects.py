"""A provider on loopback that speaks all three dialects, with Google's token endpoints beside them.

Its vectors are those of the hashed embedder, cut to the size that it is asked for. What it
refuses and how it lies is up to the test.
"""

import base64
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import anyio
import numpy as np
import uvicorn
from embedding_provider import _Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.embedders import HashedEmbedder

VERTEX = "/v1/projects/p/locations/l"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    path: str
    query: str
    authorization: str
    body: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        if "instances" in self.body:
            return [each["content"] for each in self.body["instances"]]
        return list(self.body["input"])


async def nothing(_: Asked) -> Response | None:
    return None


@dataclass
class Dialects:
    """`before` sees each request, and answers it if it returns a response.

    `size` is how long the vectors are by nature; the model `reversed` has them the other way
    round. `asked` is the log of what was to be
    embedded, `token_requests` of what was shown to be granted a token.
    """

    url: str
    before: Callable[[Asked], Awaitable[Response | None]] = nothing
    lie: Callable[[list[Any]], Any] = lambda rows: rows
    size: int = 256
    speaks_base64: bool = True
    token_seconds: float = 3600
    asked: list[Asked] = field(default_factory=list)
    token_requests: list[Any] = field(default_factory=list)
    _hashed: HashedEmbedder = field(default_factory=HashedEmbedder)

    @property
    def texts(self) -> list[str]:
        return [text for asked in self.asked for text in asked.texts]

    async def embed(self, request: Request) -> Response:
        asked = Asked(
            request.url.path,
            request.url.query,
            request.headers.get("authorization", ""),
            await request.json(),
        )
        self.asked.append(asked)
        refused = await self.before(asked)
        if refused is not None:
            return refused
        return await self._answer(asked)

    async def _answer(self, asked: Asked) -> Response:
        body = asked.body
        size = body.get("dimensions") or body.get("parameters", {}).get("outputDimensionality")
        size = size or self.size
        if body.get("encoding_format") == "base64" and not self.speaks_base64:
            return JSONResponse({"error": {"message": "encoding_format: unknown"}}, 400)
        vectors = (await self._hashed.embed(asked.texts))[:, :size]
        if body.get("model") == "reversed":
            vectors = vectors[:, ::-1]
        rows = self.lie(vectors.tolist())
        if "instances" in body:
            return _json({"predictions": [{"embeddings": {"values": row}} for row in rows]})
        if asked.path.endswith("/api/embed"):
            return _json({"model": body["model"], "embeddings": rows})
        if body.get("encoding_format") == "base64":
            rows = [_base64(row) for row in rows]
        data = [{"index": at, "embedding": row} for at, row in enumerate(rows)]
        return _json({"object": "list", "data": data[::-1]})

    async def token(self, request: Request) -> Response:
        """For the proof of a service account, or for the machine."""
        asked: Any = dict(request.headers)
        if request.method == "POST":
            asked = {
                name: each[0] for name, each in parse_qs((await request.body()).decode()).items()
            }
        self.token_requests.append(asked)
        granted = f"ya29.token-{len(self.token_requests)}"
        return _json({"access_token": granted, "expires_in": self.token_seconds})


def _json(value: Any) -> Response:
    # Not Starlette's, which refuses to say NaN.
    return Response(json.dumps(value), media_type="application/json")


def _base64(row: Any) -> str:
    return base64.b64encode(np.asarray(row, "<f4").tobytes()).decode()


@asynccontextmanager
async def dialects(port: int = 0) -> AsyncIterator[Dialects]:
    """A provider for the length of the block."""
    # Made by hand: on a socket that does not say that it is TCP, asyncio leaves Nagle's
    # algorithm on, which takes 40 ms a call.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        provider = Dialects(f"http://127.0.0.1:{listener.getsockname()[1]}")
        post = [
            Route("/v1/embeddings", provider.embed, methods=["POST"]),
            Route("/api/embed", provider.embed, methods=["POST"]),
            Route(
                VERTEX + "/publishers/google/models/{model}:predict",
                provider.embed,
                methods=["POST"],
            ),
            Route("/token", provider.token, methods=["POST"]),
            Route("/computeMetadata/v1/instance/service-accounts/default/token", provider.token),
        ]
        application = Starlette(routes=post)
        config = uvicorn.Config(
            application, lifespan="off", ws="none", log_config=None, access_log=False
        )
        server = _Server(config)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            try:
                yield provider
            finally:
                # Not by its own way out, which takes some tenths of a second.
                tasks.cancel_scope.cancel()
                for each in getattr(server, "servers", []):
                    each.close()
                for connection in list(server.server_state.connections):
                    connection.shutdown()
