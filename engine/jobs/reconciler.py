"""Asks for passes that nobody asked for: over realms whose live index is behind.

An edit that no one told of, a source that moved while no server ran, code that makes
indexes in a new way. Safe in any number of processes: a realm is looked at by one of them.
"""

import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

import anyio
import asyncpg

from engine.errors import WidthwiseError
from engine.index.database import BROKEN
from engine.jobs import store
from engine.jobs.chance import CHANCE
from engine.jobs.sql import query
from engine.jobs.store import Reach

log = logging.getLogger("widthwise.reconciler")

# Realms taken at once: few, so that one process does not keep all of them from the others.
AT_ONCE = 8


class Reconciler:
    """Compares until it is cancelled. `is_behind` looks at one realm, by name."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        worker_id: UUID,
        is_behind: Callable[[str], Awaitable[bool]],
        *,
        reach: Callable[[], Reach],
        interval_seconds: float,
        lease_seconds: float,
        max_attempts: int,
    ) -> None:
        self._pool = pool
        self._worker_id = worker_id
        self._is_behind = is_behind
        self._reach = reach
        self._interval_seconds = interval_seconds
        self._lease_seconds = lease_seconds
        self._max_attempts = max_attempts

    async def reconcile_forever(self) -> None:
        while True:
            try:
                while await self.reconcile():
                    pass
            except BROKEN as error:
                log.warning("cannot reconcile, trying again: %s", type(error).__name__)
            await anyio.sleep(self._interval_seconds * (0.5 + CHANCE.random() / 2))

    async def reconcile(self) -> int:
        """Look at a few realms whose turn it is; returns how many there were."""
        reach = self._reach()
        rows = await self._pool.fetch(
            query("select_reconcilable"),
            float(self._interval_seconds),
            list(reach.kinds),
            list(reach.handed),
            None if reach.only is None else list(reach.only),
            AT_ONCE,
        )
        for row in rows:
            if await self._should_index(row["name"], row["recipe"], reach.recipe):
                log.info("realm=%s is behind its source", row["name"])
                await store.enqueue(self._pool, [row["id"]], max_attempts=self._max_attempts)
        return len(rows)

    async def _should_index(self, name: str, recipe: str, ours: str) -> bool:
        if recipe != ours and await self._pool.fetchval(
            query("exists_newer_worker"), self._worker_id, recipe, float(self._lease_seconds)
        ):
            return False
        try:
            return await self._is_behind(name)
        except (WidthwiseError, OSError) as error:
            log.warning("realm=%s cannot be compared: %s", name, error)
            return False
