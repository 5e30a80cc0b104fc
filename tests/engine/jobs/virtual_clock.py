"""The clock of a database, standing still until it is moved. Knows no job.

The statements ask for `now()` without a schema. On a session that looks into `test_clock`
first, that is the function made here.
"""

from datetime import datetime, timedelta

import asyncpg

from engine.index.database import Queryable

# Named, or else pg_catalog would be looked into before all others.
SESSION = {"search_path": "test_clock, public, pg_catalog"}

INSTALL = """
    CREATE SCHEMA test_clock;
    CREATE TABLE test_clock.instant AS SELECT pg_catalog.now() AS at;
    CREATE FUNCTION test_clock.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT at FROM test_clock.instant';
"""


async def install(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(INSTALL)
    finally:
        await connection.close()


class VirtualClock:
    """Moves the time for all sessions at once; it is their next statements that see it."""

    def __init__(self, database: Queryable) -> None:
        self._database = database

    async def now(self) -> datetime:
        moment = await self._database.fetchval("SELECT at FROM test_clock.instant")
        assert isinstance(moment, datetime)
        return moment

    async def advance(self, seconds: float) -> None:
        await self._database.execute(
            "UPDATE test_clock.instant SET at = at + $1::interval", timedelta(seconds=seconds)
        )

    async def set(self) -> None:
        """To the time of the world, by which defaults of columns go."""
        await self._database.execute("UPDATE test_clock.instant SET at = pg_catalog.now()")
