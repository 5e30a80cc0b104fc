"""How a process shows that it lives and hears what others do. Knows no pass.

It has a thread, a loop and a connection of its own: neither visits nor a blocked event
loop starve it. On that connection are the lock by which its death is seen at once, the
heartbeats that renew its leases, and the notifications of all jobs.
"""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import anyio
import anyio.from_thread
import anyio.to_thread
import asyncpg

from engine.index.database import BROKEN, NOTICE_DEATH
from engine.index.session import session_options
from engine.jobs import store
from engine.jobs.chance import CHANCE
from engine.jobs.identity import Identity
from engine.jobs.news import CHANNEL, News
from engine.jobs.rows import Claim
from engine.jobs.sql import query
from engine.jobs.state import JobState
from engine.jobs.store import Beat
from engine.report import Progress

log = logging.getLogger("widthwise.heart")

# While something runs, its progress is written, and a lost claim found out, this often.
BUSY_SECONDS = 1.0

# Statements are small here. In a black hole a longer limit is not kept anyway.
STATEMENT_SECONDS = 2.0
CONNECT_SECONDS = 5.0

# At once where only a connection broke: others take us for dead within a moment. Then seldom.
RECONNECT_SECONDS = 0.1
LONGEST_RECONNECT_SECONDS = 2.0


@dataclass(slots=True, eq=False)
class _Held:
    """A claim whose lease is renewed. `good` is when the last good beat was sent."""

    claim: Claim
    progress: Callable[[], Progress]
    lost: Callable[[], None]
    good: float
    told: Progress = field(default_factory=Progress)


def uptime_seconds() -> float:
    """A clock that nobody sets. Where the system has one, it goes on while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@asynccontextmanager
async def beating_heart(
    dsn: str,
    identity: Identity,
    *,
    lease_seconds: float,
    heard: Callable[[News], None],
    claims_jobs: bool = True,
    listens: bool = True,
    clock: Callable[[], float] = uptime_seconds,
) -> AsyncIterator["Heart"]:
    """A heart for the length of the block; `heard` is called in the loop of the caller.

    Without `claims_jobs` it only listens. Where it can't, because a pooler lends sessions by
    the transaction, it tells `heard` each second that anything may have happened. It outlives
    the database: while that is away it tries to come back, and `heard` is told when it has.
    """
    loop = asyncio.get_running_loop()

    def tell(act: Callable[..., None], *arguments: Any) -> None:
        # The loop may be closing while the thread is on its way out.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(act, *arguments)

    heart = Heart(
        dsn,
        identity,
        lease_seconds=lease_seconds,
        heard=lambda news: tell(heard, news),
        tell=tell,
        claims_jobs=claims_jobs,
        listens=listens,
        clock=clock,
    )
    portal_context = anyio.from_thread.start_blocking_portal()
    portal = await anyio.to_thread.run_sync(portal_context.__enter__)
    beating = portal.start_task_soon(heart.beat_forever)
    try:
        yield heart
    finally:
        with anyio.CancelScope(shield=True):
            beating.cancel()
            await anyio.to_thread.run_sync(portal_context.__exit__, None, None, None)


class Heart:
    """Made by `beating_heart`."""

    def __init__(
        self,
        dsn: str,
        identity: Identity,
        *,
        lease_seconds: float,
        heard: Callable[[News], None],
        tell: Callable[..., None],
        claims_jobs: bool,
        listens: bool,
        clock: Callable[[], float],
    ) -> None:
        self.identity = identity
        self._dsn = dsn
        self._lease_seconds = lease_seconds
        self._heard = heard
        self._tell = tell
        self._claims_jobs = claims_jobs
        self._listens = listens
        self.clock = clock
        # By token: a job that was taken away may be claimed again before its pass has ended.
        self._held: dict[UUID, _Held] = {}
        self._number: int | None = None
        self._lockable = self._locked = self._leaving = False
        self._connected = False
        self._hurry = anyio.Event()

    @property
    def is_seen(self) -> bool:
        """Whether others can tell that this process lives. A claim of one that is not seen is
        soon taken for that of a dead one.
        """
        return self._connected

    @contextmanager
    def holding(
        self,
        claim: Claim,
        *,
        since: float,
        progress: Callable[[], Progress],
        lost: Callable[[], None],
    ) -> Iterator[None]:
        """Renew the lease of `claim`, which was asked for at `since`, within the block.

        `lost` is called, in the caller's loop and once, when the claim is no longer ours,
        or when the lease is about to end and could not be renewed.
        """
        self._held[claim.token] = _Held(claim, progress, lost, since)
        try:
            yield
        finally:
            self._held.pop(claim.token, None)

    async def beat_forever(self) -> None:
        """The whole life of the thread's loop."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch)
            tasks.start_soon(self._stay_connected)

    async def _stay_connected(self) -> None:
        pause = RECONNECT_SECONDS
        while True:
            try:
                async with self._session() as connection:
                    pause = RECONNECT_SECONDS
                    await self._live(connection)
            except BROKEN as error:
                log.warning("no heartbeat, trying again: %s", type(error).__name__)
            # Not all at once, when a server comes back to many.
            await anyio.sleep(pause * (0.5 + CHANCE.random()))
            pause = min(2 * pause, LONGEST_RECONNECT_SECONDS)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings={"application_name": f"{self.identity.application_name} heart"},
            **session_options(lent=not self._listens),
        )
        try:
            yield connection
        finally:
            self._connected = self._locked = False
            with anyio.move_on_after(STATEMENT_SECONDS, shield=True) as scope:
                await self._say_goodbye(connection)
            if scope.cancelled_caught or not connection.is_closed():
                connection.terminate()

    async def _say_goodbye(self, connection: asyncpg.Connection) -> None:
        """A worker that leaves on purpose leaves no row; one that comes back keeps it."""
        with contextlib.suppress(*BROKEN):
            if self._leaving and self._claims_jobs:
                await connection.execute(query("delete_worker"), self.identity.id)
            await connection.close(timeout=STATEMENT_SECONDS)

    async def _live(self, connection: asyncpg.Connection) -> None:
        """Beat on one connection until it breaks."""
        connection.add_termination_listener(lambda _: self._hurry.set())
        if self._listens:
            await connection.execute(NOTICE_DEATH)
            await connection.add_listener(CHANNEL, self._notified)
        if self._claims_jobs:
            await self._register(connection)
        self._connected = True
        self._heard(News())
        third = self._lease_seconds / 3
        beaten = float("-inf")
        try:
            while not connection.is_closed():
                due = self._hurry.is_set() or bool(self._held)
                self._hurry = anyio.Event()
                if self._claims_jobs and (due or self.clock() - beaten >= third):
                    await self._beat(connection)
                    beaten = self.clock()
                with anyio.move_on_after(min(third, BUSY_SECONDS)):
                    await self._hurry.wait()
                if not self._listens:
                    self._heard(News())
        except anyio.get_cancelled_exc_class():
            self._leaving = True
            raise

    async def _register(self, connection: asyncpg.Connection) -> None:
        """Make the worker known, and take the lock that tells whether it lives."""
        # A pooler answers the start of a session itself, with a number of its own.
        session = await connection.fetchval("SELECT pg_backend_pid()")
        self._lockable = connection.get_server_pid() == session
        if not self._lockable:
            log.warning(
                "a pooler hands out the database sessions, so a dead worker is noticed only "
                "when its lease of %g s is over",
                self._lease_seconds,
            )
        me = self.identity
        known = await connection.fetchval(query("beat_worker"), me.id, self._lockable)
        self._number = known or await connection.fetchval(
            query("insert_worker"), me.id, self._lockable, me.host, me.pid, me.recipe
        )
        await self._lock(connection)

    async def _lock(self, connection: asyncpg.Connection) -> None:
        """A session of ours that the server still believes in may hold it a little longer."""
        if self._lockable and not self._locked:
            self._locked = await connection.fetchval(query("lock_worker"), self._number)

    async def _beat(self, connection: asyncpg.Connection) -> None:
        await self._lock(connection)
        held = list(self._held.values())
        if not held:
            beat = (query("beat_worker"), self.identity.id, self._lockable)
            if await connection.fetchval(*beat) is None:
                await self._register(connection)
            return
        progress = [each.progress() for each in held]
        sent = self.clock()
        ours = await store.beat(
            connection,
            [
                Beat(each.claim.job_id, each.claim.token, now, _moved(now, each.told))
                for each, now in zip(held, progress, strict=True)
            ],
            lease_seconds=self._lease_seconds,
        )
        for each, now in zip(held, progress, strict=True):
            if each.claim.token in ours:
                each.good, each.told = sent, now
            else:
                self._lose(each)

    async def _watch(self) -> None:
        """Stop what can't be renewed before its lease ends, by our own clock.

        Not behind a wait for the database, and measured from before the last good beat was
        sent: the lease that the database counts began later.
        """
        while True:
            await anyio.sleep(self._lease_seconds / 20)
            for held in list(self._held.values()):
                if self.clock() - held.good > self._lease_seconds * 5 / 6:
                    log.error("job=%d: its lease could not be renewed", held.claim.job_id)
                    self._lose(held)

    def _lose(self, held: _Held) -> None:
        if self._held.pop(held.claim.token, None) is not None:
            self._tell(held.lost)

    def _notified(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        news = News.of(str(payload))
        # What we began or ended ourselves needs no answer.
        if news.state not in (JobState.RUNNING, JobState.SUCCEEDED):
            held = {each.claim.job_id for each in list(self._held.values())}
            if news.job_ids & held:
                self._hurry.set()
        self._heard(news)


def _moved(now: Progress, before: Progress) -> bool:
    """Whether anything but the time went on."""
    return _counts(now) != _counts(before)


def _counts(progress: Progress) -> tuple[Any, ...]:
    return (
        progress.phase,
        progress.done,
        progress.total,
        progress.chunks,
        progress.loaded,
        progress.to_load,
    )
