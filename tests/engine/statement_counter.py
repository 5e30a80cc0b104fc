"""A proxy before a Postgres that notes each statement. Reads the protocol, changes nothing."""

import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream

# What asyncpg asks on each connection when it meets a type for the first time.
DRIVER: Final = ("WITH RECURSIVE typeinfo_tree", "SELECT current_setting('jit')", "RESET jit")


@dataclass(slots=True)
class Statements:
    """How often each SQL text was executed, over all connections."""

    dsn: str
    seen: Counter[str] = field(default_factory=Counter)

    def beside(self, others: frozenset[str]) -> Counter[str]:
        """Those that are not among `others`, and no driver's first questions about types."""
        return Counter(
            {
                words: count
                for words, count in self.seen.items()
                if words not in others and not words.startswith(DRIVER)
            }
        )


@asynccontextmanager
async def counted_statements(dsn: str) -> AsyncIterator[Statements]:
    """For the length of the block; `dsn` of what is given leads through the proxy."""
    parts = urlsplit(dsn)
    (folder,), (port,) = (parse_qs(parts.query)[name] for name in ("host", "port"))
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    own = {"host": "127.0.0.1", "port": listener.extra(SocketAttribute.local_port)}
    statements = Statements(urlunsplit(parts._replace(query=urlencode(own))))

    async def forward(client: SocketStream) -> None:
        async with (
            client,
            await anyio.connect_unix(f"{folder}/.s.PGSQL.{port}") as server,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(_pump, server, client, None, tasks.cancel_scope)
            await _pump(client, server, _Reader(statements.seen), tasks.cancel_scope)

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, forward)
        yield statements
        tasks.cancel_scope.cancel()


async def _pump(
    source: ByteStream, sink: ByteStream, reader: "_Reader | None", scope: anyio.CancelScope
) -> None:
    try:
        while True:
            piece = await source.receive()
            if reader is not None:
                reader.read(piece)
            await sink.send(piece)
    except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
        scope.cancel()


class _Reader:
    """What one client says. A Bind executes what a Parse named; a Query speaks for itself."""

    def __init__(self, seen: Counter[str]) -> None:
        self._seen = seen
        self._rest = b""
        self._has_begun = False
        self._named: dict[bytes, str] = {}

    def read(self, piece: bytes) -> None:
        self._rest += piece
        for kind, body in self._messages():
            self._take(kind, body)

    def _messages(self) -> Iterator[tuple[bytes, bytes]]:
        while len(self._rest) >= 5:
            # The first message of a connection, and an offer of encryption, have no kind.
            at = 1 if self._has_begun else 0
            (length,) = struct.unpack_from("!I", self._rest, at)
            if len(self._rest) < at + length:
                return
            kind, body = self._rest[:at], self._rest[at + 4 : at + length]
            self._rest = self._rest[at + length :]
            self._has_begun = self._has_begun or length > 8
            yield kind, body

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == b"P":
            name, query, _ = body.split(b"\0", 2)
            self._named[name] = words_of(query.decode())
        elif kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            self._seen[self._named[name]] += 1
        elif kind == b"Q":
            self._seen[words_of(body.rstrip(b"\0").decode())] += 1


def words_of(query: str) -> str:
    return " ".join(query.split())
