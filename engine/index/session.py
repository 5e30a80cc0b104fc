"""A database session that knows when the server has ended it. Knows nothing of what is asked."""

import asyncio
import select

import asyncpg

# What the kernel says of a socket whose other end is closed, also while there is more to read.
_HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


class Session(asyncpg.Connection):
    """A connection that a pool does not hand out once the server has hung up.

    The driver learns of the end when its loop has read all that came before it. Until then a
    pool took the connection for a good one, and whoever got it failed, for a restart of the
    server that was over: "cannot switch to state 11".
    """

    __slots__ = ()

    _transport: asyncio.Transport

    def is_closed(self) -> bool:
        return super().is_closed() or self._server_hung_up()

    def _server_hung_up(self) -> bool:
        # The driver does not offer its transport; a question to the server would be a round trip.
        socket = self._transport.get_extra_info("socket")
        if socket is None or (descriptor := socket.fileno()) < 0:
            return True
        poll = select.poll()
        poll.register(descriptor, _HUNG_UP)
        return bool(poll.poll(0))
