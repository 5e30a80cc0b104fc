"""Where the live index is read: a replica while it answers, or else the primary. Writes nothing.

A replica shows an earlier moment. What is missing there may be new, so that nobody is told of it
before the primary was asked; and what fails there is asked of the primary. One that does not
answer is left alone for a pause that grows, so that no search but one pays for trying.
"""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import anyio
import asyncpg

from engine.errors import EntryNotFound, IndexMoved, RealmNotFound, TextNotFound
from engine.index.database import BROKEN, UNREACHABLE, DatabaseUnavailable, open_replica

log = logging.getLogger("widthwise.replica")

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0

T = TypeVar("T")
Clock = Callable[[], float]

# What a later moment may know.
_MISSING: Final = (RealmNotFound, EntryNotFound, TextNotFound, IndexMoved)
# A parser says what is wrong with a DSN, and may quote its password.
_FAILED: Final = (*BROKEN, ValueError)
_AWAY: Final = (
    *UNREACHABLE,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    TimeoutError,
    ValueError,
)


class Reading:
    """Asks the replica or the primary. Without a replica it is the primary's pool."""

    def __init__(
        self, primary: asyncpg.Pool, replica: asyncpg.Pool | None, *, clock: Clock = time.monotonic
    ) -> None:
        self._primary = primary
        self._replica = replica
        self._clock = clock
        self._pause_seconds = 0.0
        self._next_try = 0.0

    @property
    def pause_seconds(self) -> float:
        """How long the replica is left alone since it failed; 0 while it answers."""
        return self._pause_seconds

    async def read(self, ask: Callable[[asyncpg.Pool], Awaitable[T]]) -> T:
        """What `ask` returns; it may be asked twice, so it only reads."""
        if self._replica is None or not self._is_due():
            return await ask(self._primary)
        try:
            answer = await ask(self._replica)
        except _MISSING:
            self._answered()
        except _FAILED as error:
            self._failed(error)
        else:
            self._answered()
            return answer
        return await ask(self._primary)

    def _is_due(self) -> bool:
        """Who tries after a pause is one; until that is known the others ask the primary."""
        now = self._clock()
        if now < self._next_try:
            return False
        if self._pause_seconds:
            self._next_try = now + self._pause_seconds
        return True

    def _answered(self) -> None:
        if self._pause_seconds:
            log.warning("the replica answers again")
        self._pause_seconds = self._next_try = 0.0

    def _failed(self, error: Exception) -> None:
        # The name alone: what is said of a connection may name users and hosts.
        if not isinstance(error, _AWAY):
            log.info("the replica refused what the primary is asked now: %s", type(error).__name__)
            return
        if not self._pause_seconds:
            log.warning("the replica does not answer, asking the primary: %s", type(error).__name__)
        doubled = max(FIRST_PAUSE_SECONDS, 2 * self._pause_seconds)
        self._pause_seconds = min(doubled, LONGEST_PAUSE_SECONDS)
        self._next_try = self._clock() + self._pause_seconds


@asynccontextmanager
async def open_reading(primary: asyncpg.Pool, *, replica_dsn: str = "") -> AsyncIterator[Reading]:
    """Nothing is connected yet: a replica that is away keeps nobody from starting."""
    if not replica_dsn:
        yield Reading(primary, None)
        return
    if not replica_dsn.startswith(("postgresql://", "postgres://")):
        raise DatabaseUnavailable(
            "WIDTHWISE_SEARCH_DSN is malformed; it looks like"
            " postgresql://user:password@host:5432/database"
        )
    replica = await open_replica(replica_dsn)
    try:
        yield Reading(primary, replica)
    finally:
        with anyio.move_on_after(5, shield=True) as scope:
            await replica.close()
        if scope.cancelled_caught:
            replica.terminate()
