"""Runs the jobs of one process, one at a time for each realm. Knows nothing of passes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import anyio.abc

from engine.errors import first_failure
from engine.job import Job, JobState

Run = Callable[[Job], Awaitable[None]]


@dataclass(slots=True)
class _Line:
    """A realm's jobs: at most one runs and one waits."""

    pending: Job | None = None
    busy: bool = False


class Runner:
    """Runs at most `workers` jobs at once.

    A request joins the realm's pending job, which has not looked at the files yet. While
    one runs, exactly one more waits, so that no edit is lost and none is indexed twice.
    """

    def __init__(self, tasks: anyio.abc.TaskGroup, run: Run, *, workers: int) -> None:
        self._tasks = tasks
        self._run = run
        self._slots = anyio.Semaphore(workers)
        self._lines: dict[str, _Line] = {}

    def enqueue(self, realm: str, *, from_scratch: bool = False) -> Job:
        line = self._lines.setdefault(realm, _Line())
        if line.pending is None:
            line.pending = Job(realm, from_scratch=from_scratch)
        line.pending.from_scratch |= from_scratch
        if not line.busy:
            line.busy = True
            self._tasks.start_soon(self._work_off, line)
        return line.pending

    async def _work_off(self, line: _Line) -> None:
        try:
            while line.pending is not None:
                async with self._slots:
                    job, line.pending = line.pending, None
                    await self._settle(job)
        finally:
            line.busy = False
            if line.pending is not None:
                line.pending.end(JobState.CANCELLED)

    async def _settle(self, job: Job) -> None:
        job.state = JobState.RUNNING
        try:
            with job.scope:
                await self._run(job)
        except Exception as error:
            job.end(JobState.FAILED, error=first_failure(error))
        except BaseException:
            job.end(JobState.CANCELLED if job.report is None else JobState.SUCCEEDED)
            raise
        else:
            job.end(JobState.CANCELLED if job.report is None else JobState.SUCCEEDED)
