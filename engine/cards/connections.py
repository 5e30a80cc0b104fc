"""Posts JSON to one service, over connections that stay open. Knows no card.

With httpx a call took 1.1 ms of the processor, a third of what a rendered card takes of it, and
all of that while the card has its slot; this is 0.3 ms, most of it h11's.
"""

import asyncio
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

import h11
import httpx


class NoAnswer(Exception):
    """The service can't be reached, or what it says is no HTTP; the message says which."""


class AnswerTooLarge(Exception):
    """More than was asked for."""


class Post(NamedTuple):
    """A request that is ready to be sent."""

    head: h11.Request
    body: bytes


class Answer(NamedTuple):
    status: int
    body: bytes


class Connections:
    """As many as calls have been under way at once. The URL has been checked by then.

    Redirects are not followed, no proxy is asked, and certificates are those that httpx trusts.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._is_tls = parts.scheme == "https"
        self._port = parts.port or (443 if self._is_tls else 80)
        self._path = parts.path
        self._headers = [
            ("host", parts.netloc),
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            ("content-type", "application/json"),
        ]
        self._trust: ssl.SSLContext | None = None
        self._free: list[_Connection] = []

    def post(self, path: str, body: bytes) -> Post:
        headers = [*self._headers, ("content-length", str(len(body)))]
        target = self._path + path
        return Post(h11.Request(method="POST", target=target, headers=headers), body)

    async def answer(self, post: Post, *, max_bytes: int) -> Answer:
        """Raises `NoAnswer`, `AnswerTooLarge`. Waits without a limit of its own.

        A connection that the service closed since its last answer has not had this request, so
        that goes over another one.
        """
        while self._free:
            try:
                return await self._over(self._free.pop(), post, max_bytes)
            except _ClosedBefore:
                continue
        return await self._over(await self._opened(), post, max_bytes)

    def close(self) -> None:
        while self._free:
            self._free.pop().close()

    async def _over(self, connection: "_Connection", post: Post, max_bytes: int) -> Answer:
        answer = await connection.answer(post, max_bytes)
        if connection.is_reusable():
            self._free.append(connection)
        else:
            connection.close()
        return answer

    async def _opened(self) -> "_Connection":
        if self._is_tls and self._trust is None:
            self._trust = httpx.create_ssl_context(trust_env=False)
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                _Connection, self._host, self._port, ssl=self._trust
            )
        except OSError as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from None
        return connection


class _ClosedBefore(NoAnswer):
    """The connection was closed before a byte of the answer came."""


class _Connection(asyncio.Protocol):
    """One call after the other. One that did not end well is good for nothing more.

    Not a stream of anyio's: there each write comes a turn of the loop later, in which others
    work for as long as they like, and each read takes two.
    """

    _transport: asyncio.Transport
    _answer: asyncio.Future[Answer]

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT)
        self._is_answered = self._is_closed = False
        self._status, self._body, self._max_bytes = 0, bytearray(), 0

    async def answer(self, post: Post, max_bytes: int) -> Answer:
        if self._is_closed:
            raise _ClosedBefore
        self._answer = asyncio.get_running_loop().create_future()
        self._is_answered = False
        self._body, self._max_bytes = bytearray(), max_bytes
        events = post.head, h11.Data(post.body), h11.EndOfMessage()
        self._transport.write(b"".join(self._http.send(event) or b"" for event in events))
        try:
            return await self._answer
        except BaseException:
            self.close()
            raise

    def is_reusable(self) -> bool:
        """Whether another call may follow; this one is over."""
        if self._is_closed or {self._http.our_state, self._http.their_state} != {h11.DONE}:
            return False
        self._http.start_next_cycle()
        return True

    def close(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._is_answered = True
        self._take(data)

    def eof_received(self) -> None:
        """Some answers end with their connection."""
        if self._is_answered:
            self._take(b"")

    def connection_lost(self, error: Exception | None) -> None:
        self._is_closed = True
        kind = NoAnswer if self._is_answered else _ClosedBefore
        self._fail(kind(f"the connection was closed: {error or 'too early'}"))

    def _take(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            while (event := self._http.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Response):
                    self._status = event.status_code
                elif isinstance(event, h11.Data):
                    self._take_body(event.data)
                elif not isinstance(event, h11.InformationalResponse):
                    break
        except h11.RemoteProtocolError as error:
            self._fail(NoAnswer(f"{type(error).__name__}: {error}"))
            return
        if isinstance(event, h11.EndOfMessage) and not self._answer.done():
            self._answer.set_result(Answer(self._status, bytes(self._body)))

    def _take_body(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self._max_bytes:
            self._fail(AnswerTooLarge())

    def _fail(self, error: Exception) -> None:
        if hasattr(self, "_answer") and not self._answer.done():
            self._answer.set_exception(error)
        self._transport.abort()
