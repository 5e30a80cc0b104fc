"""The session that alone builds indexes of vectors, or moves the chunks. Knows neither."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import asyncpg

# "widthvec" as a number. Whoever holds it builds, drops or moves; the others leave it to him.
_LOCK: Final = 0x7769647468766563
# A build waits for the transactions that were there before it, and gives way to long ones.
_WAIT_SECONDS: Final = 60
_STATEMENT_SECONDS: Final = 6 * 3_600
_TURN_SECONDS: Final = 0.5


@asynccontextmanager
async def lone_session(
    dsn: str, *, wait: bool, unless: str = "SELECT false"
) -> AsyncIterator[asyncpg.Connection | None]:
    """A session of which there is one at a time; None if another is there and not waited for.

    Nobody waits while the statement `unless` says so.

    Its end frees the lock, in whichever way it ends.
    """
    connection = await asyncpg.connect(dsn, timeout=30, command_timeout=_STATEMENT_SECONDS)
    try:
        await connection.execute(f"SET lock_timeout = '{_WAIT_SECONDS}s'")
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            if not wait or await connection.fetchval(unless):
                yield None
                return
            # Asked again and again: to wait inside Postgres would be a transaction, for
            # whose end the build of the other waits.
            await anyio.sleep(_TURN_SECONDS)
        yield connection
        # A pooler may hand this session on.
        await connection.reset()
    finally:
        # Not a polite close: a build that is cancelled must end at once.
        connection.terminate()
