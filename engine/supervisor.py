"""Keeps a worker process alive beside a server, and within its memory. Runs no job itself."""

import logging
import random
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import anyio
import anyio.to_thread

from engine.index.database import BROKEN, Database
from engine.jobs import LossReason, Lost, store, sweeper
from engine.memory import MIB, allowed_bytes, hold_to_limit
from engine.orders import PING_SECONDS, Orders
from engine.pace import patience_of
from engine.settings import Settings
from engine.worker_child import Child, started_child

log = logging.getLogger("widthwise.supervisor")

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0

# Whoever has lived for so long had a good start: what killed it has nothing to do with it.
GOOD_LIFE_SECONDS = 60.0

# So many pings may be missing from a child that has lost its jobs.
DEAF_PINGS = 10

# How long we try to take the jobs of a dead child from it. Then the sweep does.
TAKE_SECONDS = 10.0
TAKE_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a child. `held_bytes` is what it held when it was killed for that, else 0."""

    returncode: int | None
    last_lines: tuple[str, ...] = ()
    held_bytes: int = 0

    def __str__(self) -> str:
        code = self.returncode
        if code is None or code >= 0:
            return f"exit code {code}"
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"


def loss_by(death: Death, *, limit: int) -> Lost:
    """What is said of the jobs that a child ran when it died."""
    if not death.held_bytes:
        return Lost(LossReason.DEAD, f"the worker process ended: {death}")
    held, most = (f"{size // MIB:,} MiB" for size in (death.held_bytes, limit))
    return Lost(
        LossReason.MEMORY,
        f"its limit is {most}, and it held {held}; raise WIDTHWISE_MEMORY_LIMIT_MB, or lower "
        "WIDTHWISE_WORKER_PROCESSES or WIDTHWISE_WORKERS",
    )


def next_pause_seconds(pause_seconds: float, *, lived_seconds: float) -> float:
    """How long to wait with the next start; twice as long as before, unless it lived well."""
    if lived_seconds >= GOOD_LIFE_SECONDS or not pause_seconds:
        return FIRST_PAUSE_SECONDS
    return min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


@asynccontextmanager
async def supervised_workers(
    database: Database, settings: Settings, *, deaf_pings: int = DEAF_PINGS
) -> AsyncIterator["Supervisor"]:
    """A process that runs jobs, for the length of the block; whatever it dies of, another comes.

    At the end it gives back what it runs. If we are killed it finishes that, and ends.
    """
    supervisor = Supervisor(database, settings, deaf_pings=deaf_pings)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervisor.keep_forever)
        tasks.start_soon(supervisor.sweep_forever)
        try:
            yield supervisor
        finally:
            tasks.cancel_scope.cancel()


class Supervisor:
    """Made by `supervised_workers`."""

    def __init__(self, database: Database, settings: Settings, *, deaf_pings: int) -> None:
        self._pool = database.brisk
        self._settings = settings
        self._deaf_pings = deaf_pings
        self._limit = allowed_bytes(settings.memory_limit_mb)
        self._child: Child | None = None
        self._draining = False

    @property
    def pid(self) -> int | None:
        """Of the process that runs jobs now, if there is one."""
        return self._child.pid if self._child else None

    def drain(self) -> None:
        """Begin no more jobs; what runs goes on to its end."""
        self._draining = True
        if self._child:
            self._child.drain()

    async def keep_forever(self) -> None:
        """Start a child, see it die, take its jobs from it, wait, and again, until drained."""
        pause = 0.0
        while not self._draining:
            began = time.monotonic()
            try:
                await self._one_life(uuid4())
            except Exception:  # whatever it is, the server goes on
                log.exception("the worker process can't be started or watched")
            if self._draining:
                break
            pause = next_pause_seconds(pause, lived_seconds=time.monotonic() - began)
            log.warning("another worker process starts in %g s", pause)
            await anyio.sleep(pause)

    async def sweep_forever(self) -> None:
        """Take what is stalled also while the one process that sweeps is what is stuck."""
        patience = patience_of(self._settings)
        while True:
            await anyio.sleep(patience.sweep_seconds * (0.75 + random.random() / 2))  # noqa: S311
            try:
                await sweeper.sweep_jobs(self._pool, patience=patience)
            except BROKEN as error:
                log.warning("cannot sweep, trying again: %s", type(error).__name__)

    async def _one_life(self, worker_id: UUID) -> None:
        # For its log, as far as anybody here wants to read it.
        level = logging.getLogger("widthwise").getEffectiveLevel()
        async with started_child(Orders(self._settings, worker_id, level)) as child:
            log.info("process %d runs jobs, with up to %d MiB", child.pid, self._limit // MIB)
            self._child = child
            try:
                held = await self._watched(child, worker_id)
            finally:
                self._child = None
        death = Death(child.returncode, child.last_lines, held)
        loss = loss_by(death, limit=self._limit)
        log.warning("%s", "\n".join([loss.detail, *death.last_lines]))
        await self._take_jobs(worker_id, loss)

    async def _watched(self, child: Child, worker_id: UUID) -> int:
        """Wait for the child's death; returns what it held if that was too much."""
        held = 0
        done = threading.Event()

        async def hold() -> None:
            nonlocal held
            # A limiter of its own: those of the program may all be busy.
            held = await anyio.to_thread.run_sync(
                lambda: hold_to_limit(child.pid, self._limit, done=done),
                limiter=anyio.CapacityLimiter(1),
            )

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hold)
            tasks.start_soon(self._end_deaf, child, worker_id)
            try:
                await child.ended()
            finally:
                done.set()
            tasks.cancel_scope.cancel()
        return held

    async def _end_deaf(self, child: Child, worker_id: UUID) -> None:
        """Kill a child that runs on with jobs that were taken from it.

        Its loop would have stopped them at once. It is blocked, or the process is frozen.
        """
        silent = 0
        while True:
            heard = child.pings
            await anyio.sleep(PING_SECONDS)
            silent = silent + 1 if child.pings == heard else 0
            if silent >= self._deaf_pings and await self._is_forsaken(worker_id, silent):
                log.warning("%r has not noticed that its jobs were taken from it", child)
                child.kill()
                return

    async def _is_forsaken(self, worker_id: UUID, silent: int) -> bool:
        """Whether it lost its jobs while it was silent, or just before, which does no harm."""
        try:
            return await store.is_forsaken(
                self._pool, worker_id, within_seconds=(silent + 2) * PING_SECONDS
            )
        except BROKEN:
            return False

    async def _take_jobs(self, worker_id: UUID, loss: Lost) -> None:
        """Give the jobs of a dead child to the next, and say what it died of."""
        with anyio.move_on_after(TAKE_SECONDS):
            while True:
                try:
                    jobs = await store.jobs_of_worker(self._pool, worker_id)
                    taken = [
                        await sweeper.take(self._pool, job, loss, spread=random.random())  # noqa: S311
                        for job in jobs
                    ]
                except BROKEN as error:
                    log.warning("cannot take its jobs yet: %s", type(error).__name__)
                else:
                    if all(taken):
                        return
                await anyio.sleep(TAKE_PAUSE_SECONDS)
