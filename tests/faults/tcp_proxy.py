"""A proxy before a Postgres, on whose wires a test cuts, holds and slows. Knows no protocol.

It runs in a thread of its own: a test whose loop is blocked or busy does not stall it.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import anyio
from anyio.abc import TaskGroup
from anyio.from_thread import BlockingPortal, start_blocking_portal

CHUNK_BYTES = 1 << 16
REMEMBERED_BYTES = 1 << 18
BACKLOG = 128

Address = str | tuple[str, int]
"""The path of a socket, or host and port."""


class Way(StrEnum):
    TO_SERVER = "to server"
    TO_CLIENT = "to client"


BOTH_WAYS = (Way.TO_SERVER, Way.TO_CLIENT)


@dataclass(frozen=True, slots=True)
class ProxyStatistics:
    open: int
    accepted: int
    to_server_bytes: int
    to_client_bytes: int


@dataclass(frozen=True, slots=True)
class Trap:
    """Something that happens once, when certain words are about to pass."""

    words: bytes
    way: Way
    act: Callable[[], None]
    _sprung: Future[None] = field(default_factory=Future)

    async def sprung(self) -> None:
        """Returns when the act is done; raises what it raised."""
        await asyncio.shield(asyncio.wrap_future(self._sprung))

    def spring(self) -> None:
        try:
            self.act()
            self._sprung.set_result(None)
        except Exception as error:
            self._sprung.set_exception(error)


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator["TcpProxy"]:
    """A proxy before the Postgres of `dsn`, which listens on a port or at a socket.

    `proxy.dsn` leads through it. Whatever goes through at the end is reset.
    """
    with start_blocking_portal() as portal:
        proxy = TcpProxy(dsn, portal)
        with portal.wrap_async_context_manager(proxy.serving()):
            yield proxy


class TcpProxy:
    """What it is told has happened when the call returns. Tell it from any thread or loop.

    Where `saying` is given, only the connections are meant whose client has ever sent these
    bytes: `saying=b"LISTEN"` is the listener, whichever connection of a pool it is.
    """

    def __init__(self, dsn: str, portal: BlockingPortal) -> None:
        self._target = address_of(dsn)
        self._portal = portal
        self._thread = portal.call(threading.get_ident)
        self._listener = _bound(0)
        self._port: int = self._listener.getsockname()[1]
        self.dsn = dsn_at(dsn, self._port)
        self._links: set[_Link] = set()
        self._held: frozenset[Way] = frozenset()
        self._traps: list[Trap] = []
        self._accepted = 0
        self._passed = dict.fromkeys(BOTH_WAYS, 0)
        self.delay_seconds = 0.0
        self._tasks: TaskGroup

    def __repr__(self) -> str:
        return f"<TcpProxy {self._port} to {self._target}: {self.statistics()}>"

    def cut(self, *, saying: bytes = b"") -> None:
        """Resets connections, on both sides."""
        self._do(lambda: self._cut(saying))

    def refuse(self) -> None:
        """New connections are refused by the kernel; open ones go on."""
        self._do(self._refuse)

    def accept(self) -> None:
        """Takes new connections again, at the same port."""
        self._do(self._accept)

    def freeze(self, *ways: Way, saying: bytes = b"") -> None:
        """A black hole: nothing passes, and neither side learns that the other is gone.

        Without `ways`, both. Without `saying`, also for connections that come later: they
        are taken, and then nobody answers. `freeze(Way.TO_CLIENT)` lets statements through
        and holds their answers.
        """
        held = frozenset(ways or BOTH_WAYS)
        self._do(lambda: self._freeze(held, saying))

    def thaw(self) -> None:
        """All that was held goes on; nothing of it was lost."""
        self._do(self._thaw)

    def delay(self, seconds: float) -> None:
        """Each chunk, of up to 64 KiB, waits so long before it goes on; 0 ends that."""
        self.delay_seconds = seconds

    def arm(self, words: bytes, act: Callable[[], None], *, way: Way = Way.TO_SERVER) -> Trap:
        """Calls `act` once, in the proxy's thread, before the words are passed on.

        With `proxy.cut` the server never sees them. With a freeze of the answers it does, and
        a later cut leaves the client in doubt. Found only inside one chunk: short statements
        are. A driver sends the text of a prepared statement once for each connection.
        """
        trap = Trap(words, way, act)
        self._do(lambda: self._traps.append(trap))
        return trap

    def statistics(self) -> ProxyStatistics:
        return ProxyStatistics(
            len(self._links), self._accepted,
            self._passed[Way.TO_SERVER], self._passed[Way.TO_CLIENT],
        )  # fmt: skip

    # What follows runs in the proxy's thread.

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            self._accept()
            yield self
            self._refuse()
            tasks.cancel_scope.cancel()

    def about_to_pass(self, way: Way, chunk: bytes) -> None:
        for trap in [trap for trap in self._traps if trap.way is way and trap.words in chunk]:
            self._traps.remove(trap)
            trap.spring()

    def passed(self, way: Way, count: int) -> None:
        self._passed[way] += count

    def _do(self, act: Callable[[], object]) -> None:
        """A trap acts in our own thread, and nothing passes until it has."""
        if threading.get_ident() == self._thread:
            act()
        else:
            self._portal.call(self._do_and_settle, act)

    async def _do_and_settle(self, act: Callable[[], object]) -> None:
        act()
        for link in [link for link in self._links if link.is_cut]:
            await link.gone.wait()

    def _accept(self) -> None:
        if self._listener.fileno() < 0:
            self._listener = _bound(self._port)
        self._listener.listen(BACKLOG)
        asyncio.get_running_loop().add_reader(self._listener, self._take)

    def _refuse(self) -> None:
        if self._listener.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()

    def _take(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:  # It was there, and hung up before we came.
            return
        self._accepted += 1
        link = _Link(client, self, self._held)
        self._links.add(link)
        self._tasks.start_soon(self._serve, link)

    async def _serve(self, link: "_Link") -> None:
        try:
            await link.run(self._target)
        finally:
            self._links.remove(link)
            link.gone.set()

    def _cut(self, saying: bytes) -> None:
        for link in self._links_saying(saying):
            link.cut()

    def _freeze(self, ways: frozenset[Way], saying: bytes) -> None:
        if not saying:
            self._held |= ways
        for link in self._links_saying(saying):
            link.hold(ways)

    def _thaw(self) -> None:
        self._held = frozenset()
        for link in self._links:
            link.release()

    def _links_saying(self, words: bytes) -> "list[_Link]":
        return [link for link in self._links if words in link.said]


class _Link:
    """A client's connection, and ours to the server that stands behind it."""

    def __init__(self, client: socket.socket, proxy: TcpProxy, held: frozenset[Way]) -> None:
        self.said = bytearray()
        self.gone = anyio.Event()
        self._client = client
        self._proxy = proxy
        self._held = held
        self._released = anyio.Event()
        self._scope = anyio.CancelScope()

    @property
    def is_cut(self) -> bool:
        return self._scope.cancel_called

    def cut(self) -> None:
        self._scope.cancel()

    def hold(self, ways: frozenset[Way]) -> None:
        self._held |= ways

    def release(self) -> None:
        self._held = frozenset()
        self._released.set()
        self._released = anyio.Event()

    async def run(self, target: Address) -> None:
        """Until both sides have ended, or one was reset, and then the other is too."""
        with self._scope, _resetting(self._client):
            await self._may_pass(Way.TO_SERVER)
            with _resetting(_socket_to(target)) as server:
                try:
                    await self._join(server, target)
                except* OSError:
                    pass

    async def _join(self, server: socket.socket, target: Address) -> None:
        await asyncio.get_running_loop().sock_connect(server, target)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._pump, Way.TO_SERVER, self._client, server)
            tasks.start_soon(self._pump, Way.TO_CLIENT, server, self._client)
        for side in (self._client, server):
            _reset_at_close(side, False)

    async def _pump(self, way: Way, source: socket.socket, sink: socket.socket) -> None:
        try:
            while chunk := await asyncio.get_running_loop().sock_recv(source, CHUNK_BYTES):
                await self._pass_on(way, chunk, sink)
        finally:
            # In a black hole nobody hears of an end either, be it in order or a reset.
            await self._may_pass(way)
        sink.shutdown(socket.SHUT_WR)

    async def _pass_on(self, way: Way, chunk: bytes, sink: socket.socket) -> None:
        if way is Way.TO_SERVER and len(self.said) < REMEMBERED_BYTES:
            self.said += chunk
        self._proxy.about_to_pass(way, chunk)
        # Without a delay it is still the moment at which the cut of a trap takes effect.
        await anyio.sleep(self._proxy.delay_seconds)
        rest = memoryview(chunk)
        while rest:
            await self._may_pass(way)
            rest = rest[await self._send(way, rest, sink) :]

    async def _send(self, way: Way, chunk: memoryview, sink: socket.socket) -> int:
        """What the kernel takes at once, so that nothing passes behind a freeze."""
        try:
            count = sink.send(chunk)
        except BlockingIOError:
            await anyio.wait_writable(sink)
            return 0
        self._proxy.passed(way, count)
        return count

    async def _may_pass(self, way: Way) -> None:
        while way in self._held:
            await self._released.wait()


def address_of(dsn: str) -> Address:
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    host = query.get("host") or parts.hostname or "127.0.0.1"
    port = int(query.get("port") or parts.port or 5432)
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)


def dsn_at(dsn: str, port: int) -> str:
    """The same database and user, at a port of this machine, and in plain text."""
    parts = urlsplit(dsn)
    user, at, _ = parts.netloc.rpartition("@")
    query = dict(parse_qsl(parts.query)) | {"sslmode": "disable"}
    kept = {name: value for name, value in query.items() if name not in ("host", "port")}
    place = f"{user}{at}127.0.0.1:{port}"
    return urlunsplit(parts._replace(netloc=place, query=urlencode(kept)))


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def _socket_to(target: Address) -> socket.socket:
    family = socket.AF_UNIX if isinstance(target, str) else socket.AF_INET
    return socket.socket(family, socket.SOCK_STREAM)


def _resetting(side: socket.socket) -> socket.socket:
    """The socket, made ready for us; closing it resets the connection."""
    side.setblocking(False)
    _reset_at_close(side, True)
    if side.family == socket.AF_INET:
        side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return side


def _reset_at_close(side: socket.socket, reset: bool) -> None:
    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", reset, 0))
