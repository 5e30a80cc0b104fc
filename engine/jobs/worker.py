"""Claims jobs and runs them, so many at once. Knows no pass: it is told how to run one."""

import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import anyio
import anyio.abc
import asyncpg

from engine.jobs import store
from engine.jobs.failure import Failure, FailureKind, failure_of
from engine.jobs.heart import BROKEN, Heart, News
from engine.jobs.rows import Claim
from engine.jobs.state import Backoff, Failed, JobState, Outcome, Released, settlement
from engine.jobs.store import Reach
from engine.report import PassReport, Tracker

log = logging.getLogger("widthwise.worker")

# A database that is away is asked again after these seconds, the last of them for ever.
AWAY_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)

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
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._pool = pool
        self._heart = heart
        self._perform = perform
        self._reach = reach
        self._pace = pace
        self._spread = spread
        self._running: dict[int, Running] = {}
        self._moved = anyio.Event()
        self._draining = False

    def __repr__(self) -> str:
        return f"<Worker {self._heart.identity.id} running={sorted(self._running)}>"

    @property
    def running(self) -> frozenset[int]:
        """The jobs that run here now."""
        return frozenset(self._running)

    def hear(self, news: News) -> None:
        """Look for work if the news may mean some: a job to be begun, or room for the next."""
        if news.state is not JobState.RUNNING:
            self._move()

    def cancel(self, job_id: int) -> None:
        """Stop a job that runs here at its next await; does nothing if it does not."""
        if running := self._running.get(job_id):
            running.stop(Stop.CANCELLED)

    def drain(self) -> None:
        """Claim no more, and end once nothing runs."""
        self._draining = True
        self._move()

    async def work(self) -> None:
        """Claim and run. Ends when it is drained; cancelled, it gives back what it runs."""
        async with anyio.create_task_group() as tasks:
            away = _pauses()
            while not (self._draining and not self._running):
                moved = self._moved
                try:
                    pause = await self._claim(tasks)
                    away = _pauses()
                except BROKEN as error:
                    pause = next(away)
                    log.warning("cannot claim, trying again: %s", type(error).__name__)
                with anyio.move_on_after(pause):
                    await moved.wait()

    async def _claim(self, tasks: anyio.abc.TaskGroup) -> float:
        """Start what can be claimed; returns the seconds until there may be more."""
        free = self._pace.jobs_at_once - len(self._running)
        if self._draining or free <= 0:
            return self._pace.poll_seconds
        since = time.monotonic()
        claimed = await store.claim(
            self._pool,
            self._heart.identity.id,
            self._reach(),
            lease_seconds=self._pace.lease_seconds,
            limit=free,
        )
        for claim in claimed.claims:
            running = self._running[claim.job_id] = Running(claim)
            tasks.start_soon(self._run, running, since)
        # The next one may be due a moment later by the database's clock than by ours.
        due = claimed.next_due_seconds
        poll = self._pace.poll_seconds
        return poll if due is None else min(poll, max(due, 0.0) + 0.001)

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
            del self._running[claim.job_id]
            self._move()

    async def _perform_and_settle(self, running: Running) -> None:
        try:
            with running.scope:
                await self._perform(running)
        except Exception as error:
            outcome = failure_of(error)
            log.warning("job=%d: %s: %s", running.claim.job_id, outcome.kind, outcome.text)
            await self._settle(running, Failed(outcome))
        except BaseException:
            if running.report is None:
                with anyio.CancelScope(shield=True):
                    await self._settle(running.claim, Released(), within_seconds=LAST_WORDS_SECONDS)
            raise
        else:
            await self._settle_ended(running)

    async def _settle_ended(self, running: Running) -> None:
        """The pass is over without an error: it has swapped, or it was told to stop."""
        if running.report is not None:
            log.info("job=%d succeeded", running.claim.job_id)
        elif running.stopped is Stop.CANCELLED:
            await store.cancel(self._pool, running.claim.job_id)
        else:
            # Mostly the claim is somebody else's by now and this does nothing. If it was
            # the way to the database that was lost, the job is still ours to give back.
            unrenewed = Failure(FailureKind.TRANSIENT, "the lease could not be renewed")
            await self._settle(running, Failed(unrenewed))

    async def _settle(
        self, running: Running, outcome: Outcome, *, within_seconds: float | None = None
    ) -> None:
        """Write how the claim ended, as soon as the database lets us."""
        claim, progress = running.claim, running.tracker.progress()
        decided = settlement(
            outcome,
            attempt=claim.attempt,
            max_attempts=claim.max_attempts,
            claims=claim.claims,
            backoff=self._pace.backoff,
            spread=self._spread(),
        )
        # When the lease is over, the sweep has done it or will.
        with anyio.move_on_after(within_seconds or self._pace.lease_seconds):
            for pause in _pauses():
                try:
                    state = await store.settle(
                        self._pool, claim.job_id, claim.token, decided, progress=progress
                    )
                except BROKEN as error:
                    log.warning("job=%d: not settled yet: %s", claim.job_id, type(error).__name__)
                    await anyio.sleep(pause)
                else:
                    log.info("job=%d %s -> %s", claim.job_id, decided.outcome, state or "stale")
                    return

    def _move(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()


def _pauses() -> Iterator[float]:
    """The pauses while the database is away; the last one again and again."""
    yield from AWAY_SECONDS
    while True:
        yield AWAY_SECONDS[-1]
