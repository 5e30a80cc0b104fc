"""Take a strong lock on a busy table without making others wait. Knows no table.

Who waits for a strong lock stands in line, and all others stand behind. So the wait is short and
is tried again and again, each time after a pause in which the others go on.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator
from random import Random
from typing import Final, TypeAlias, TypeVar

import anyio
import asyncpg

from engine.errors import WidthwiseError

log = logging.getLogger("widthwise.database")

SHORTEST_MS: Final = 50
# Above the second after which the server ends an autovacuum that others wait for.
LONGEST_MS: Final = 1_600
ATTEMPTS: Final = 100
# How many times as long as the others waited they are left alone.
PAUSES: Final = 4

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy"
_BUSY: Final = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


class TableBusy(WidthwiseError):
    """Others held a table for so long that a change of it was given up. Nothing has changed."""


def waits(attempts: int = ATTEMPTS, *, longest_ms: int = LONGEST_MS) -> Iterator[int]:
    """Milliseconds, each twice the one before, up to the longest."""
    for attempt in range(attempts):
        yield min(SHORTEST_MS << min(attempt, 16), longest_ms)


async def briefly(
    connection: Connection,
    what: str,
    act: Callable[[], Awaitable[T]],
    *,
    first: str = "",
    attempts: int = ATTEMPTS,
    longest_ms: int = LONGEST_MS,
    chance: Random | None = None,
) -> T:
    """What `act` returns, in a transaction that makes nobody wait longer than `longest_ms`.

    It is begun anew while others hold what it locks; `TableBusy` when all attempts failed. The
    statement `first` may wait as long as it takes.
    """
    chance = chance or Random()  # noqa: S311 - spreads pauses, guards nothing
    for wait_ms in waits(attempts, longest_ms=longest_ms):
        try:
            async with connection.transaction():
                if first:
                    await connection.execute(first)
                await connection.execute(f"SET LOCAL lock_timeout = '{wait_ms}ms'")
                return await act()
        except _BUSY:
            log.info("%s: others hold the table, trying again", what)
        await anyio.sleep(PAUSES * wait_ms / 1_000 * chance.uniform(0.5, 1))
    raise TableBusy(
        f"{what}: others held the table each time; pg_stat_activity shows long transactions."
        " Try again once they have ended"
    )
