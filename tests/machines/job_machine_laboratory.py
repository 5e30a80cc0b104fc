"""The database under the machine: sessions, faults on them, and what is really there.

Blocking, for Hypothesis: all that is asynchronous runs in the portal's loop.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

import anyio
import asyncpg
import virtual_clock
from anyio.from_thread import BlockingPortal

from engine.index.database import BROKEN, Connection, migrate

T = TypeVar("T")

TABLES = "realms, workers, jobs, attempts, passes, working_entries, chunks"

# Whoever meets the lock of a transaction that is open gives up, as there is one thread.
LOCK_TIMEOUT = "20ms"


class Fault(StrEnum):
    """BEFORE: the session ends before the statement. AFTER: its answer never arrives."""

    NONE = "none"
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """How a statement went: what it did, if anything, and whether its caller knows."""

    result: T | None
    happened: bool
    known: bool
    blocked: bool = False


@dataclass(slots=True)
class Laboratory:
    dsn: str
    portal: BlockingPortal
    admin: Connection
    base: datetime
    sessions: dict[str, Connection] = field(default_factory=dict)
    # The sessions that hold the locks of workers, and a transaction that is open.
    locks: dict[UUID, Connection] = field(default_factory=dict)
    caller: Connection | None = None
    tally: Counter[str] = field(default_factory=Counter)

    @classmethod
    @asynccontextmanager
    async def opened(cls, dsn: str, portal: BlockingPortal) -> AsyncIterator["Laboratory"]:
        await migrate(dsn)
        await virtual_clock.install(dsn)
        admin = await asyncpg.connect(dsn, server_settings=virtual_clock.SESSION)
        laboratory = cls(dsn, portal, admin, await admin.fetchval("SELECT now()"))
        try:
            yield laboratory
        finally:
            await laboratory._hang_up()
            for session in (*laboratory.sessions.values(), admin):
                await session.close()

    def reset(self) -> None:
        self.portal.call(self._reset)

    async def _reset(self) -> None:
        await self._hang_up()
        await self.admin.execute(
            "DELETE FROM attempts; DELETE FROM jobs; DELETE FROM passes; DELETE FROM realms;"
            " DELETE FROM workers"
        )
        await self.set_now(0.0)

    async def _hang_up(self) -> None:
        for session in (*self.locks.values(), *filter(None, [self.caller])):
            await session.close()
        self.locks.clear()
        self.caller = None

    async def set_now(self, seconds: float) -> None:
        await self.admin.execute(
            "UPDATE test_clock.instant SET at = $1::timestamptz + make_interval(secs => $2)",
            self.base,
            seconds,
        )

    def do(
        self, who: str, act: Callable[[Connection], Awaitable[T]], fault: Fault = Fault.NONE
    ) -> Told[T]:
        """Run an act on a session of `who`'s own, with a fault."""
        return self.portal.call(self._do, who, act, fault)

    async def _do(
        self, who: str, act: Callable[[Connection], Awaitable[T]], fault: Fault
    ) -> Told[T]:
        session = await self.session(who)
        if fault is Fault.BEFORE:
            session.terminate()
        try:
            result = await act(session)
        except asyncpg.LockNotAvailableError:
            return Told(None, happened=False, known=True, blocked=True)
        except BROKEN:
            if fault is not Fault.BEFORE:
                raise
            del self.sessions[who]
            return Told(None, happened=False, known=False)
        assert fault is not Fault.BEFORE
        if fault is Fault.AFTER:
            self.sessions.pop(who).terminate()
        return Told(result, happened=True, known=fault is Fault.NONE)

    async def session(self, who: str) -> Connection:
        if who not in self.sessions:
            self.sessions[who] = await self.connect()
        return self.sessions[who]

    async def connect(self) -> Connection:
        settings = virtual_clock.SESSION | {"lock_timeout": LOCK_TIMEOUT}
        return await asyncpg.connect(self.dsn, server_settings=settings)

    async def hold_lock(self, worker: UUID, statement: str, number: int) -> bool:
        session = await self.connect()
        self.locks[worker] = session
        return bool(await session.fetchval(statement, number))

    async def free_lock(self, worker: UUID) -> None:
        await self.cut(self.locks.pop(worker))

    async def cut(self, session: Connection) -> None:
        """End a session from outside; all that it held is free when this returns."""
        pid = session.get_server_pid()
        await self.admin.fetchval("SELECT pg_terminate_backend($1)", pid)
        session.terminate()
        there = "SELECT 1 FROM pg_stat_activity WHERE pid = $1"
        with anyio.fail_after(20):
            while await self.admin.fetchval(there, pid):  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.001)

    def rows(self, statement: str, *arguments: Any) -> list[Mapping[str, Any]]:
        return self.portal.call(self.admin.fetch, statement, *arguments)

    def seconds(self, moment: datetime | None) -> float | None:
        return None if moment is None else round((moment - self.base).total_seconds(), 3)
