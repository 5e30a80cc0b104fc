"""Asks for passes that nobody asked for: over realms whose live index is behind.

An edit that no one told of, a source that moved while no server ran, code that makes
indexes in a new way. Safe in any number of processes: a realm is looked at by one of them.
"""

import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

import anyio
import asyncpg
from anyio.abc import TaskGroup

from engine.errors import WidthwiseError
from engine.index.database import BROKEN
from engine.jobs import store
from engine.jobs.chance import CHANCE
from engine.jobs.sql import query
from engine.jobs.store import Reach

log = logging.getLogger("widthwise.reconciler")

# Realms that one process looks at at once: few, as each comes with what is recorded of it,
# and more than one, so that a remote that does not answer keeps nobody else waiting.
AT_ONCE = 4

# A look may take as long as the interval, and this long where that is short.
LOOK_SECONDS = 60.0


class Reconciler:
    """Compares until it is cancelled. `is_behind` looks at one realm, by name.

    A look that takes longer than `look_seconds` is broken off, and the realm counts as
    behind: its job says why, and jobs that fail again and again come ever more seldom.
    """

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
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._pool = pool
        self._worker_id = worker_id
        self._is_behind = is_behind
        self._reach = reach
        self._interval_seconds = interval_seconds
        self._lease_seconds = lease_seconds
        self._max_attempts = max_attempts
        self._look_seconds = max(look_seconds, interval_seconds)
        self._free = anyio.Semaphore(AT_ONCE)
        self._looked_at: set[UUID] = set()

    async def reconcile_forever(self) -> None:
        async with anyio.create_task_group() as tasks:
            while True:
                try:
                    while await self._begin_looks(tasks):
                        pass
                except BROKEN as error:
                    log.warning("cannot reconcile, trying again: %s", type(error).__name__)
                await anyio.sleep(self._interval_seconds * (0.5 + CHANCE.random() / 2))

    async def reconcile(self) -> int:
        """Look at a few realms whose turn it is; returns how many there were."""
        async with anyio.create_task_group() as tasks:
            begun = await self._begin_looks(tasks)
        return begun  # noqa: RET504 - in the block, mypy takes it for one that may not be reached

    async def _begin_looks(self, tasks: TaskGroup) -> int:
        """Take as many realms as can be looked at now: what waits is left to other processes."""
        await self._free.acquire()
        self._free.release()
        reach = self._reach()
        rows = await self._pool.fetch(
            query("select_reconcilable"),
            float(self._interval_seconds),
            list(reach.kinds),
            list(reach.handed),
            None if reach.only is None else list(reach.only),
            self._free.value,
        )
        for row in rows:
            # It is its turn again while the last look still goes on: one is enough.
            if row["id"] not in self._looked_at:
                self._free.acquire_nowait()
                self._looked_at.add(row["id"])
                tasks.start_soon(self._look, row, reach.recipe)
        return len(rows)

    async def _look(self, row: asyncpg.Record, recipe: str) -> None:
        try:
            if await self._should_index(row["name"], row["recipe"], recipe):
                log.info("realm=%s is behind its source", row["name"])
                await store.enqueue(self._pool, [row["id"]], max_attempts=self._max_attempts)
        except BROKEN as error:
            log.warning("realm=%s cannot be looked at: %s", row["name"], type(error).__name__)
        finally:
            self._looked_at.discard(row["id"])
            self._free.release()

    async def _should_index(self, name: str, recipe: str, ours: str) -> bool:
        if recipe != ours and await self._pool.fetchval(
            query("exists_newer_worker"), self._worker_id, recipe, float(self._lease_seconds)
        ):
            return False
        try:
            with anyio.move_on_after(self._look_seconds):
                return await self._is_behind(name)
            log.warning("realm=%s: not compared within %g s", name, self._look_seconds)
            return True
        except (WidthwiseError, OSError) as error:
            log.warning("realm=%s cannot be compared: %s", name, error)
            return False
