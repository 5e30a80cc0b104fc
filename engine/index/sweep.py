"""Clear away what passes that never ended have left. Safe beside running ones."""

import asyncpg

from engine.index.sql import query

# A pass that is taken up again within a day finds what it had paid for.
FORSAKEN_SECONDS = 86_400


async def sweep(pool: asyncpg.Pool, *, older_than_seconds: float = FORSAKEN_SECONDS) -> int:
    """Drop the working rows of passes that began so long ago; returns how many realms had some.

    Vectors that have waited so long for their files go as well.
    """
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(query("select_forsaken_realms"), older_than_seconds)
        realms = [row["realm_id"] for row in rows]
        if realms:
            await connection.execute(query("delete_forsaken_chunks"), realms)
            await connection.execute(query("delete_forsaken_entries"), realms)
    await pool.execute(query("delete_forsaken_vectors"), older_than_seconds)
    return len(realms)
