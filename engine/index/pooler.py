"""Whether a pooler stands between us and the server, and how it lends sessions. Changes nothing."""

import anyio
import asyncpg

CONNECT_SECONDS = 30

# A session that is lent to somebody else is not waited for.
ANSWER_SECONDS = 2.0

# Others may take the session that was just free, so one look may see nothing.
LOOKS = 3


async def lends_by_transaction(dsn: str) -> bool:
    """Whether a session is ours for no longer than a transaction: PgBouncer's transaction mode.

    Without a pooler this is one short session. With one, a second client begins a transaction
    while the first has none: in session mode it can't have got the first one's session.
    """
    first = await _connected(dsn)
    try:
        if await _session_of(first) == first.get_server_pid():
            return False  # A pooler answers the start of a session with a number of its own.
        second = await _connected(dsn)
        try:
            for _ in range(LOOKS):
                if (taken := await _is_taken(first, by=second)) is not None:
                    return taken
        finally:
            second.terminate()
    finally:
        first.terminate()
    return False


async def _is_taken(first: asyncpg.Connection, *, by: asyncpg.Connection) -> bool | None:
    """Whether another client gets the session of the first one; None if that was not seen."""
    before = await _session_of(first)
    with anyio.move_on_after(ANSWER_SECONDS):
        async with by.transaction():
            await by.execute("SELECT 1")
            with anyio.move_on_after(ANSWER_SECONDS / 2):
                return True if await _session_of(first) != before else None
            return True  # There is one session for all, and the other one has it.
    return False  # There is one session, and the first one keeps it.


async def _session_of(connection: asyncpg.Connection) -> int:
    async with connection.transaction():
        return int(await connection.fetchval("SELECT pg_backend_pid()"))


async def _connected(dsn: str) -> asyncpg.Connection:
    return await asyncpg.connect(dsn, timeout=CONNECT_SECONDS, statement_cache_size=0)
