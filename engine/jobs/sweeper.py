"""Returns the jobs of dead, silent and stalled workers. Safe in any number of processes.

It reads, decides, and then ends each claim by its token, as the worker itself would: of two
sweeps one comes too late and does nothing, and a live lease that makes progress is never
looked at.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import anyio
import asyncpg

from engine.index.database import BROKEN
from engine.index.sweep import sweep as sweep_working_rows
from engine.jobs import store
from engine.jobs.chance import CHANCE
from engine.jobs.identity import Identity
from engine.jobs.news import News
from engine.jobs.rows import LostJob
from engine.jobs.sql import query
from engine.jobs.state import Backoff, JobState, Lost, Outcome, settlement

log = logging.getLogger("widthwise.sweeper")

# While others run something, their locks are looked at this often; one must have been free
# for a moment, since whoever lost a connection and not its life takes the lock again.
WATCH_SECONDS = 0.4
MISSING_SECONDS = 0.6

# A claim's row that a frozen process has locked is left alone for this round.
LOCK_MILLISECONDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """After how many seconds what is taken for lost, or forgotten."""

    sweep_seconds: float = 30.0
    stall_seconds: float = 1_800.0
    lease_seconds: float = 600.0
    retention_seconds: float = 7 * 86_400.0


# Nobody repeats a request after so long.
REPEATED_SECONDS = 86_400.0


class Sweeper:
    """Sweeps until it is cancelled; quickly while others run something, else seldom."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        identity: Identity,
        *,
        patience: Patience,
        spread: Callable[[], float] = CHANCE.random,
    ) -> None:
        self._pool = pool
        self._identity = identity
        self._patience = patience
        self._spread = spread
        self._moved = anyio.Event()

    def hear(self, news: News) -> None:
        """Somebody has begun something, so that there is somebody to watch."""
        if news.state in (JobState.RUNNING, None):
            self._moved.set()

    async def sweep_forever(self) -> None:
        while True:
            self._moved = anyio.Event()
            others = 0
            try:
                others = await store.watch_workers(self._pool, self._identity.id)
                await sweep_jobs(self._pool, patience=self._patience, spread=self._spread)
            except BROKEN as error:
                log.warning("cannot sweep, trying again: %s", type(error).__name__)
            await self._pause(watching=others > 0)

    async def clear_forever(self) -> None:
        """Forget what is old, now and then."""
        while True:
            try:
                await clear(self._pool, patience=self._patience)
            except BROKEN as error:
                log.warning("cannot clear, trying again: %s", type(error).__name__)
            await anyio.sleep(3_600 * (0.5 + self._spread()))

    async def _pause(self, *, watching: bool) -> None:
        """Spread out, so that many processes do not look at the same moment."""
        jitter = 0.75 + self._spread() / 2
        if watching:
            await anyio.sleep(min(WATCH_SECONDS, self._patience.sweep_seconds) * jitter)
            return
        with anyio.move_on_after(self._patience.sweep_seconds * jitter):
            await self._moved.wait()


async def sweep_jobs(
    pool: asyncpg.Pool, *, patience: Patience, spread: Callable[[], float] = CHANCE.random
) -> int:
    """Take every lost job from its worker; returns how many were."""
    lost = await store.lost_jobs(
        pool,
        stall_seconds=patience.stall_seconds,
        missing_seconds=min(MISSING_SECONDS, patience.sweep_seconds),
        lease_seconds=patience.lease_seconds,
    )
    taken = [await take(pool, job, Lost(job.reason), spread=spread()) for job in lost]
    await _end_frozen_transactions(pool, older_than_seconds=patience.lease_seconds)
    return sum(taken)


async def sweep_now(pool: asyncpg.Pool, *, patience: Patience) -> int:
    """Sweep for somebody who waits for it: what has just died is given its moment first."""
    nobody = Identity().id
    await store.watch_workers(pool, nobody)
    if await pool.fetchval(query("exists_missing_worker")):
        await anyio.sleep(MISSING_SECONDS)
        await store.watch_workers(pool, nobody)
    return await sweep_jobs(pool, patience=patience)


async def take(pool: asyncpg.Pool, job: LostJob, outcome: Outcome, *, spread: float) -> bool:
    """End a claim that is not ours; whether it was still there to be ended."""
    decided = settlement(
        outcome,
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        claims=job.claims,
        backoff=Backoff(),
        spread=spread,
    )
    try:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
            state = await store.settle(connection, job.job_id, job.token, decided)
    except asyncpg.LockNotAvailableError:
        if job.overdue:
            await _terminate(pool, job)
        return False
    if state is not None:
        log.warning("job=%d: %s -> %s", job.job_id, decided.error or decided.outcome, state)
    return state is not None


async def _terminate(pool: asyncpg.Pool, job: LostJob) -> None:
    """A process that is frozen in a transaction keeps the row from everybody else."""
    name = Identity(id=job.worker_id).application_name
    count = await pool.fetchval(query("terminate_sessions"), name)
    log.warning("job=%d: ended %d sessions of its frozen worker", job.job_id, count)


async def _end_frozen_transactions(pool: asyncpg.Pool, *, older_than_seconds: float) -> None:
    """Let others at the realm that a process was frozen in the swap of.

    Its job can be taken meanwhile, since a swap locks that at its very end; the next pass
    would then wait for the realm, whose lock no lease ends.
    """
    count = await pool.fetchval(query("terminate_frozen_transactions"), older_than_seconds)
    if count:
        log.warning("ended %d sessions that stood still in a transaction", count)


async def clear(pool: asyncpg.Pool, *, patience: Patience) -> None:
    """Drop what unfinished passes left a day ago, and what history is too old."""
    await sweep_working_rows(pool)
    await store.prune(pool, older_than_seconds=patience.retention_seconds)
    silent = max(10 * patience.lease_seconds, 3_600.0)
    await pool.execute(query("delete_dead_workers"), silent)
    await pool.execute(query("delete_old_requests"), REPEATED_SECONDS)
