"""A database session that knows when the server has ended it. Knows nothing of what is asked."""

import asyncio
import contextlib
import select
import socket
from collections.abc import Mapping
from typing import Any

import asyncpg

# What the kernel says of a socket whose other end is closed, also while there is more to read.
_HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)

# The server may be cut off without a word. Silence is questioned after 6 s, and 15 s without an
# answer end the session here, as they do there (`NOTICE_DEATH` of the database). What a system
# does not know it can't be told.
_WATCHED = [
    (level, getattr(socket, name), value)
    for level, name, value in (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 6),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 3),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 15_000),
    )
    if hasattr(socket, name)
]

# Arrays of these have numbers that no Postgres will ever change: that of the array, the name
# and number of what is in it.
_ARRAYS = (
    (1000, "bool", 16),
    (1001, "bytea", 17),
    (1005, "int2", 21),
    (1007, "int4", 23),
    (1009, "text", 25),
    (1016, "int8", 20),
    (1022, "float8", 701),
    (1185, "timestamptz", 1184),
    (2951, "uuid", 2950),
)


class Session(asyncpg.Connection):
    """A connection that a pool does not hand out once the server has hung up.

    The driver learns of the end when its loop has read all that came before it. Until then a
    pool took the connection for a good one, and whoever got it failed, for a restart of the
    server that was over: "cannot switch to state 11".
    """

    __slots__ = ()

    _transport: asyncio.Transport
    _protocol: Any

    def __init__(
        self, protocol: Any, transport: asyncio.Transport, *rest: Any, **named: Any
    ) -> None:
        super().__init__(protocol, transport, *rest, **named)
        _watch(transport.get_extra_info("socket"))
        self._know_arrays()

    async def set_type_codec(self, typename: str, **how: Any) -> None:
        await super().set_type_codec(typename, **how)
        # The driver forgets what it knew of arrays: one of this type might be among them.
        self._know_arrays()

    def is_closed(self) -> bool:
        return super().is_closed() or self._server_hung_up()

    def _know_arrays(self) -> None:
        # Else the driver asks the server about arrays once a session, with a statement that
        # takes longer than most that use them. Not its public interface: where that has
        # become another, it asks as ever.
        with contextlib.suppress(AttributeError, LookupError, TypeError):
            self._protocol.get_settings().register_data_types(list(map(_described, _ARRAYS)))

    def _server_hung_up(self) -> bool:
        # The driver does not offer its transport; a question to the server would be a round trip.
        ours = self._transport.get_extra_info("socket")
        if ours is None or (descriptor := ours.fileno()) < 0:
            return True
        poll = select.poll()
        poll.register(descriptor, _HUNG_UP)
        return bool(poll.poll(0))


class LentSession(Session):
    """A connection behind a pooler that lends sessions of the server by the transaction.

    The driver prepares a statement and then runs it, and between the two the pooler may have
    given the session to somebody else. So each statement with arguments is a transaction,
    where it is not part of one already.
    """

    __slots__ = ()

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        if not args:  # One message: it is not prepared.
            return await super().execute(query, **options)
        async with self._together():
            return await super().execute(query, *args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        async with self._together():
            return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        async with self._together():
            return await super().fetchrow(query, *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        async with self._together():
            return await super().fetchval(query, *args, **options)

    def _together(self) -> "contextlib.AbstractAsyncContextManager[object]":
        return contextlib.nullcontext() if self.is_in_transaction() else self.transaction()


def session_options(*, lent: bool) -> Mapping[str, Any]:
    """What makes the driver connect with sessions of our own, or with lent ones."""
    if not lent:
        return {"connection_class": Session}
    # What is prepared under a name is not there in the next session that is lent.
    return {"connection_class": LentSession, "statement_cache_size": 0}


def _watch(ours: socket.socket | None) -> None:
    if ours is not None and ours.family in (socket.AF_INET, socket.AF_INET6):
        for level, option, value in _WATCHED:
            ours.setsockopt(level, option, value)


def _described(array: tuple[int, str, int]) -> dict[str, Any]:
    """The type as the driver's own question would have described it."""
    number, element, element_number = array
    return {
        "oid": number,
        "name": f"_{element}",
        "ns": "pg_catalog",
        "kind": b"b",
        "basetype": None,
        "elemtype": element_number,
        "elemtype_name": element,
        "elemdelim": ",",
        "range_subtype": None,
        "attrtypoids": None,
        "attrnames": None,
    }
