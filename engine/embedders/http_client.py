"""Posts to a provider and reads an answer of bounded size. Knows no dialect and no key.

Imported late: httpx is for those who have a provider.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any, Final, Self

import anyio
import httpx

from engine.embedders.embedder import EmbedderUnavailable

CONNECT_SECONDS: Final = 10.0

# So that a question need not wait for batches.
SPARE_CONNECTIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Up to `concurrency` calls at once, and a few more; follows no redirect.

    Proxies and certificates are those of the environment, unless it is told to go `directly`.
    """

    def __init__(self, *, concurrency: int, timeout_seconds: float, directly: bool = False) -> None:
        self._timeout_seconds = timeout_seconds
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
            limits=httpx.Limits(
                max_connections=concurrency + SPARE_CONNECTIONS,
                max_keepalive_connections=concurrency + SPARE_CONNECTIONS,
            ),
            follow_redirects=False,
            trust_env=not directly,
            verify=_certificates(),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self._client.aclose()

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        max_bytes: int,
        json: Any = None,
        data: Mapping[str, str] | None = None,
    ) -> Reply:
        """Raises `TimeoutError`, or `EmbedderUnavailable` with an address that has no query."""
        shown, _, query = url.partition("?")
        # What is behind the question mark may be secret, and httpx logs what it asks: so it
        # is told of the rest alone, and sends this as it is.
        target = {"target": httpx.URL(url).raw_path} if query else {}
        request = self._client.build_request(
            method, shown, headers=headers, json=json, data=data, extensions=target
        )
        request.extensions["timeout"] = self._client.timeout.as_dict()
        try:
            with anyio.fail_after(self._timeout_seconds):
                async with self._sent(request) as response:
                    body = await _bounded(response, max_bytes, shown)
                    return Reply(response.status_code, response.headers, body)
        except (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout):
            raise TimeoutError(f"{shown}: no answer in {self._timeout_seconds:g} s") from None
        except httpx.HTTPError as error:
            # By its name alone: what it says may hold what was sent.
            raise EmbedderUnavailable(f"{shown}: {type(error).__name__}") from None

    @asynccontextmanager
    async def _sent(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        response = await self._client.send(request, stream=True)
        try:
            yield response
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: that takes 50 ms."""
    return httpx.create_ssl_context()


async def _bounded(response: httpx.Response, max_bytes: int, shown: str) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > max_bytes:
            raise EmbedderUnavailable(f"{shown}: answered with more than {max_bytes:,} bytes")
    return bytes(body)
