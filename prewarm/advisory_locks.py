"""Many session advisory locks of Postgres on one connection. Knows no definitions."""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import asyncpg
from anyio.lowlevel import checkpoint_if_cancelled

from prewarm.signals import Signals
from prewarm.statements import statement

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

CHANNEL = "widthwise_definition_locks"

_LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
"""What a statement raises when its connection dies, or does not answer in time."""

_log = logging.getLogger(__name__)


class AdvisoryLocks:
    """The locks of one process, so no pool connection is held while work goes on.

    A process that dies loses its locks at once. So does one whose connection dies, while
    its work goes on: a lock is advice, it protects no data. Connects when it is first
    used and again after a loss. Close it with `aclose`, or use it as a context.
    """

    def __init__(self, dsn: str, *, timeout_seconds: float = 5.0) -> None:
        self._dsn = dsn
        self._timeout_seconds = timeout_seconds
        self._connection: Connection | None = None
        self._using = anyio.Lock()
        self._held: dict[int, Connection] = {}
        self._unlocked: Signals[int] = Signals()

    async def __aenter__(self) -> "AdvisoryLocks":
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self.aclose()

    async def try_lock(self, locks: Collection[int]) -> frozenset[int]:
        """Take those that are free; one that this process holds already is not."""
        free = set(locks) - self._held.keys()
        if not free:
            await checkpoint_if_cancelled()
            return frozenset()
        async with self._using:
            # Somebody else of this process may have taken some of them meanwhile.
            asked = sorted(free - self._held.keys())
            connection, rows = await self._fetch("try_locks", asked)
            taken = frozenset(row["lock"] for row in rows)
            self._held |= dict.fromkeys(taken, connection)
        return taken

    async def unlock(self, locks: Collection[int]) -> None:
        """Give locks back and tell whoever watches them, also when the caller is cancelled."""
        holders = {lock: self._held.pop(lock, None) for lock in locks}
        self._unlocked.announce(holders)
        with anyio.move_on_after(2 * self._timeout_seconds, shield=True) as scope:
            async with self._using:
                ours = [lock for lock, holder in holders.items() if holder is self._connection]
                if self._connection is not None and ours:
                    await self._fetch("unlock_locks", ours, CHANNEL)
        if scope.cancelled_caught:
            # Without its connection a lock is free, whatever became of the statement.
            self._forget_connection()

    @contextmanager
    def watching(self, lock: int) -> Iterator[anyio.Event]:
        """An event that is set when the lock is said to be free. May be missed: poll too."""
        with self._unlocked.watch(lock) as event:
            yield event

    async def aclose(self) -> None:
        """Give all locks back. Also after this, a use connects again."""
        with anyio.move_on_after(self._timeout_seconds, shield=True):
            if self._connection is not None and not self._connection.is_closed():
                await self._connection.close(timeout=self._timeout_seconds)
        self._forget_connection()

    async def _fetch(self, name: str, *arguments: Any) -> "tuple[Connection, list[asyncpg.Record]]":
        # 1. A statement that takes a lock is cancelled after the server took it.
        # 2. Nobody here knows of it, and the others wait for it for ever.
        # So statements run to their end; one that does not answer costs the connection.
        with anyio.CancelScope(shield=True):
            try:
                return await self._fetch_once(name, *arguments)
            except _LOST as error:
                _log.warning("the connection that holds locks is lost, connecting again: %s", error)
            return await self._fetch_once(name, *arguments)
        raise AssertionError("a shield without a deadline swallows nothing")

    async def _fetch_once(
        self, name: str, *arguments: Any
    ) -> "tuple[Connection, list[asyncpg.Record]]":
        try:
            connection = await self._connected()
            return connection, await connection.fetch(statement(name), *arguments)
        except _LOST:
            self._forget_connection()
            raise

    async def _connected(self) -> "Connection":
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._dsn,
                timeout=self._timeout_seconds,
                command_timeout=self._timeout_seconds,
            )
            await self._connection.add_listener(CHANNEL, self._hear)
            self._unlocked.announce_all()
        return self._connection

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._unlocked.announce(int(lock) for lock in str(payload).split())

    def _forget_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
