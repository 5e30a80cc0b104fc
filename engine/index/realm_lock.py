"""One pass at a time over a realm, across processes. Released however its holder dies."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import asyncpg

from engine.index.sql import query

log = logging.getLogger("widthwise.realm_lock")

POLL_SECONDS = 0.2


@asynccontextmanager
async def realm_lock(pool: asyncpg.Pool, realm_id: int, *, realm: str) -> AsyncIterator[None]:
    """Hold the realm for the length of the block, waiting for whoever has it.

    A session lock on a connection of its own. It spares a second process useless work;
    what keeps the index safe should the connection break is the token of the pass.
    """
    async with pool.acquire() as connection:
        waiting = False
        while not await connection.fetchval(query("try_lock_realm"), realm_id):
            if not waiting:
                log.info("another process is indexing realm=%s; waiting for it", realm)
            waiting = True
            await anyio.sleep(POLL_SECONDS)
        try:
            yield
        finally:
            # A connection that broke has let go of the lock, and the pass may be done.
            broken = suppress(OSError, asyncpg.InterfaceError, asyncpg.PostgresError)
            with broken, anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await connection.fetchval(query("unlock_realm"), realm_id)
