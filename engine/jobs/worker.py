"""Claims jobs and runs them, so many at once. Knows no pass: it is told how to run one."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

import anyio
import anyio.abc
import asyncpg

from engine.index.database import BROKEN
from engine.jobs import store
from engine.jobs.chance import CHANCE
from engine.jobs.eagerness import Eagerness
from engine.jobs.failure import Failure, FailureKind, failure_of
from engine.jobs.heart import Heart
from engine.jobs.news import News
from engine.jobs.rows import Claim
from engine.jobs.state import Backoff, Failed, Outcome, Released, settlement
from engine.jobs.store import Reach
from engine.jobs.sweeper import take
from engine.report import PassReport, Tracker

log = logging.getLogger("widthwise.worker")

# A database that is away is asked again after these seconds, the last of them for ever.
AWAY_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)

UNRENEWED = Failure(FailureKind.TRANSIENT, "the lease could not be renewed")

# What a stopping process may take to give its jobs back.
LAST_WORDS_SECONDS = 5.0


class Stop(StrEnum):
    """Why a running job was told to stop."""

    LOST = "lost"
    CANCELLED = "cancelled"


@dataclass(slots=True, eq=False)
class Running:
    """A job while it runs here. `report` is there once its pass can't be undone any more."""

    claim: Claim
    tracker: Tracker = field(default_factory=Tracker)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    stopped: Stop | None = None
    report: PassReport | None = None

    def stop(self, why: Stop) -> None:
        """End the pass at its next await, unless it has swapped."""
        if self.report is None and self.stopped is None:
            self.stopped = why
            self.scope.cancel()

    def succeeded(self, report: PassReport) -> None:
        self.report = report


Perform = Callable[[Running], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many jobs a worker runs at once, and its times in seconds."""

    jobs_at_once: int = 1
    lease_seconds: float = 600.0
    poll_seconds: float = 5.0
    backoff: Backoff = field(default_factory=Backoff)


class Worker:
    """Runs what it can claim until it is cancelled, and then gives its jobs back."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        heart: Heart,
        perform: Perform,
        *,
        reach: Callable[[], Reach],
        pace: Pace,
        spread: Callable[[], float] = CHANCE.random,
    ) -> None:
        self._pool = pool
        self._heart = heart
        self._perform = perform
        self._reach = reach
        self._pace = pace
        self._spread = spread
        # By token: a job that was taken away may be claimed again before its pass has ended.
        self._running: dict[UUID, Running] = {}
        self._eagerness = Eagerness()
        self._moved = anyio.Event()
        self._must_look = self._draining = False

    def __repr__(self) -> str:
        return f"<Worker {self._heart.identity.id} running={sorted(self.running)}>"

    @property
    def running(self) -> frozenset[int]:
        """The jobs that run here now."""
        return frozenset(running.claim.job_id for running in self._running.values())

    @property
    def _free(self) -> int:
        return self._pace.jobs_at_once - len(self._running)

    def hear(self, news: News) -> None:
        """Look for work if the news may mean some that is not left to others."""
        if self._free <= 0:
            return
        self._eagerness.hear(news)
        if self._eagerness.is_curious:
            self._wake()

    def cancel(self, job_id: int) -> None:
        """Stop a job that runs here at its next await; does nothing if it does not."""
        for running in self._running.values():
            if running.claim.job_id == job_id:
                running.stop(Stop.CANCELLED)

    def drain(self) -> None:
        """Claim no more, and end once nothing runs."""
        self._draining = True
        self._move()

    async def work(self) -> None:
        """Claim and run. Ends when it is drained; cancelled, it gives back what it runs."""
        async with anyio.create_task_group() as tasks:
            away, unsure = _pauses(), False
            while not (self._draining and not self._running):
                moved, self._must_look = self._moved, False
                try:
                    if unsure:
                        await self._give_back_unheard()
                    unsure = False
                    pause = await self._claim(tasks)
                    away = _pauses()
                except BROKEN as error:
                    pause, unsure = next(away), True
                    log.warning("cannot claim, trying again: %s", type(error).__name__)
                with anyio.move_on_after(pause):
                    await self._reason_to_look(moved)
        await self._leave_to_others()

    async def _leave_to_others(self) -> None:
        """What follows our last jobs nobody hears of: whoever ended a job looks for the next."""
        with anyio.move_on_after(LAST_WORDS_SECONDS), suppress(*BROKEN):
            await store.leave_to_others(self._pool)

    async def _reason_to_look(self, moved: anyio.Event) -> None:
        """Room here is one at once, news are one a moment later unless others were quicker."""
        await moved.wait()
        while not self._must_look:
            with anyio.move_on_after(self._eagerness.pause_seconds(self._spread())):
                while not self._must_look:
                    await self._moved.wait()
            if self._must_look or self._eagerness.is_curious:
                return
            await self._moved.wait()

    async def _claim(self, tasks: anyio.abc.TaskGroup) -> float:
        """Start what can be claimed; returns the seconds until there may be more."""
        free = self._free
        if self._draining or free <= 0 or not self._heart.is_seen:
            return self._pace.poll_seconds
        since = self._heart.clock()
        self._eagerness.look()
        # Not cancelled on its way: nobody would know of the claim but the database.
        with anyio.CancelScope(shield=True):
            claimed = await store.claim(
                self._pool,
                self._heart.identity.id,
                self._reach(),
                lease_seconds=self._pace.lease_seconds,
                limit=free,
            )
        if claimed.claims:
            self._eagerness.found(claim.job_id for claim in claimed.claims)
        for claim in claimed.claims:
            running = self._running[claim.token] = Running(claim)
            tasks.start_soon(self._run, running, since)
        # The next one may be due a moment later by the database's clock than by ours.
        due = claimed.next_due_seconds
        poll = self._pace.poll_seconds
        return poll if due is None else min(poll, max(due, 0.0) + 0.001)

    async def _give_back_unheard(self) -> None:
        """Let others have what we claimed without hearing of it.

        1. A claim commits.
        2. The connection breaks before its answer is here.
        3. Our heart goes on, so that nobody takes the job from us until its lease is over.
        """
        for job in await store.jobs_of_worker(self._pool, self._heart.identity.id):
            if job.token not in self._running:
                await take(self._pool, job, Released(), spread=0.0)

    async def _run(self, running: Running, since: float) -> None:
        claim = running.claim
        log.info("job=%d realm=%s attempt=%d", claim.job_id, claim.realm, claim.attempt)
        try:
            with self._heart.holding(
                claim,
                since=since,
                progress=running.tracker.progress,
                lost=lambda: running.stop(Stop.LOST),
            ):
                await self._perform_and_settle(running)
        finally:
            del self._running[claim.token]
            self._move()

    async def _perform_and_settle(self, running: Running) -> None:
        failure: Failure | None = None
        try:
            with running.scope:
                await self._perform(running)
        except Exception as error:
            failure = failure_of(error)
        except BaseException:
            if running.report is None:
                with anyio.CancelScope(shield=True):
                    await self._settle(running, Released(), within_seconds=LAST_WORDS_SECONDS)
            raise
        if running.report is not None:
            log.info("job=%d succeeded", running.claim.job_id)
        elif running.stopped is Stop.CANCELLED:
            await self._insist(running, lambda: store.cancel(self._pool, running.claim.job_id))
        else:
            # Of a claim that was lost this says nothing new, and changes nothing. If only
            # the way to the database was lost, the job is still ours to give back.
            await self._settle(running, Failed(failure or UNRENEWED))

    async def _settle(
        self, running: Running, outcome: Outcome, *, within_seconds: float | None = None
    ) -> None:
        """Write how the claim ended."""
        claim, progress = running.claim, running.tracker.progress()
        decided = settlement(
            outcome,
            attempt=claim.attempt,
            max_attempts=claim.max_attempts,
            claims=claim.claims,
            backoff=self._pace.backoff,
            spread=self._spread(),
        )

        async def settle() -> None:
            state = await store.settle(
                self._pool, claim.job_id, claim.token, decided, progress=progress
            )
            log.log(
                logging.WARNING if decided.error else logging.INFO,
                "job=%d %s -> %s %s",
                claim.job_id,
                decided.outcome,
                state or "stale",
                decided.error or "",
            )

        await self._insist(running, settle, within_seconds=within_seconds)

    async def _insist(
        self,
        running: Running,
        act: Callable[[], Awaitable[object]],
        *,
        within_seconds: float | None = None,
    ) -> None:
        """Do it as soon as the database lets us; when the lease is over, the sweep does."""
        with anyio.move_on_after(within_seconds or self._pace.lease_seconds):
            for pause in _pauses():
                try:
                    await act()
                except BROKEN as error:
                    job = running.claim.job_id
                    log.warning("job=%d: not settled yet: %s", job, type(error).__name__)
                    await anyio.sleep(pause)
                else:
                    return

    def _move(self) -> None:
        self._must_look = True
        self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()


def _pauses() -> Iterator[float]:
    """The pauses while the database is away; the last one again and again."""
    yield from AWAY_SECONDS
    while True:
        yield AWAY_SECONDS[-1]
