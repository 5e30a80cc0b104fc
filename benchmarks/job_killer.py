"""Worker processes, and their ends: killed, frozen past the lease, told to stop. Judges nothing."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import anyio
import anyio.abc
import asyncpg
import psutil

BOOT = "from engine.cli import main; main()"

# Marks the workers of one soak, and whatever they start.
MARK = "WIDTHWISE_SOAK"

STOP_SECONDS = 30.0

# Which jobs run now, by the process that runs them.
RUNNING = """
SELECT workers.pid, jobs.id, jobs.token, clock_timestamp() AS at
FROM jobs
JOIN workers ON workers.id = jobs.worker_id
WHERE jobs.state = 'running' AND workers.pid = ANY ($1::int[])
"""


class Ending(StrEnum):
    """KILL: gone at once. FREEZE: longer than its lease, and then on. TERM: told to stop."""

    KILL = "kill"
    FREEZE = "freeze"
    TERM = "term"


ENDINGS = (Ending.KILL, Ending.KILL, Ending.KILL, Ending.FREEZE, Ending.TERM)


@dataclass(frozen=True, slots=True)
class Blow:
    """What was done to a process while it ran a claim; `at` by the database's clock."""

    ending: str
    job_id: int
    token: UUID
    at: datetime


@dataclass(slots=True)
class Fleet:
    """A number of workers that stays the same. Made by `fleet`."""

    environment: Mapping[str, str]
    log: Path
    lease_seconds: float
    chance: random.Random
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    frozen: set[int] = field(default_factory=set)
    blows: list[Blow] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def start(self, count: int) -> None:
        with self.log.open("ab") as log:
            self.processes += [
                subprocess.Popen(
                    [sys.executable, "-c", BOOT, "-v", "work", "--jobs", "1"],
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
                for _ in range(count)
            ]

    async def strike(self, pool: asyncpg.Pool, tasks: anyio.abc.TaskGroup) -> bool:
        """End a worker that runs something, in some way; whether there was one."""
        within_reach = [each.pid for each in self.processes if each.pid not in self.frozen]
        await anyio.sleep(self.chance.uniform(0, 0.2))
        rows = await pool.fetch(RUNNING, within_reach)
        if not rows:
            return False
        row, ending = self.chance.choice(rows), self.chance.choice(ENDINGS)
        process = next(each for each in self.processes if each.pid == row["pid"])
        self.blows.append(Blow(ending, row["id"], row["token"], row["at"]))
        self.counts[ending] += 1
        if ending is Ending.FREEZE:
            process.send_signal(signal.SIGSTOP)
            self.frozen.add(process.pid)
            tasks.start_soon(self._thaw, process)
        else:
            number = signal.SIGKILL if ending is Ending.KILL else signal.SIGTERM
            process.send_signal(number)
            self.processes.remove(process)
            tasks.start_soon(self._replace, process)
        return True

    async def _thaw(self, process: subprocess.Popen[bytes]) -> None:
        try:
            await anyio.sleep(self.lease_seconds * self.chance.uniform(1.2, 2.5))
        finally:
            process.send_signal(signal.SIGCONT)
            self.frozen.discard(process.pid)

    async def _replace(self, process: subprocess.Popen[bytes]) -> None:
        self.start(1)
        await self._ended(process)

    async def stop(self) -> None:
        """Tell all to stop, and see them end."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            await self._ended(process)
        self.processes.clear()

    async def _ended(self, process: subprocess.Popen[bytes]) -> None:
        with anyio.move_on_after(STOP_SECONDS):
            while process.poll() is None:  # noqa: ASYNC110 - a process has no event
                await anyio.sleep(0.05)
            return
        self.complaints.append(f"a worker did not end within {STOP_SECONDS:g} s")
        process.kill()
        process.wait()


@asynccontextmanager
async def fleet(
    environment: Mapping[str, str], log: Path, *, lease_seconds: float, chance: random.Random
) -> AsyncIterator[Fleet]:
    """Whatever happens, nothing of it lives on behind the block."""
    made = Fleet({**os.environ, **environment}, log, lease_seconds, chance)
    try:
        yield made
    finally:
        for process in made.processes:
            process.kill()
            process.wait()


def survivors(mark: str) -> list[str]:
    """The processes, workers and what they started, that bear the mark."""
    return [f"{each.pid} {each.name()}" for each in psutil.process_iter() if _bears(each, mark)]


def _bears(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
