"""A request for a pass, as its caller holds it. The job itself lives in the database."""

from typing import Any

from engine.errors import PassFailed
from engine.jobs import Attempt, FailureKind, JobQueue, JobRow, JobState
from engine.report import PassReport, Progress


class Job:
    """One durable request for a pass. Twins join it while it has not begun.

    The properties tell what was known when the job was last asked for; `refresh` asks.
    """

    def __init__(self, queue: JobQueue, row: JobRow, *, joined: bool = False) -> None:
        self._queue = queue
        self.row = row
        self.joined = joined

    def __repr__(self) -> str:
        return f"<Job {self.id} realm={self.realm!r} {self.state}>"

    @property
    def id(self) -> int:
        return self.row.id

    @property
    def realm(self) -> str:
        return self.row.realm

    @property
    def state(self) -> JobState:
        return self.row.state

    @property
    def progress(self) -> Progress:
        return self.row.progress

    @property
    def error(self) -> str | None:
        """What the last attempt failed of, also while another one is to come."""
        return self.row.error

    @property
    def error_kind(self) -> FailureKind | None:
        return self.row.error_kind

    @property
    def report(self) -> PassReport | None:
        return self.row.report

    async def refresh(self) -> "Job":
        """Ask how the job is now; `JobNotFound` once it is too old to be remembered."""
        self.row = await self._queue.find(self.id)
        return self

    async def finished(self) -> PassReport:
        """Wait for the end, wherever the job runs, and return the report.

        `PassFailed` with the error of the last attempt if it failed, or if it was
        cancelled. Cancelling the wait does not cancel the job.
        """
        self.row = await self._queue.ended(self.id)
        if self.row.report is not None:
            return self.row.report
        if self.state is JobState.CANCELLED:
            why = f" ({self.error})" if self.error else ""
            raise PassFailed(f"{self.realm}: the job was cancelled{why}; the index is as it was")
        tries = f"; tried {self.row.attempt} times" if self.row.attempt > 1 else ""
        raise PassFailed(f"{self.realm}: {self.error}{tries}")

    async def cancel(self) -> "Job":
        """End the job. A running pass can change nothing more and stops at its next await."""
        self.row = await self._queue.cancel(self.id)
        return self

    async def attempts(self) -> list[Attempt]:
        """The attempts that have ended, in order."""
        return await self._queue.attempts(self.id)

    def as_json(self) -> dict[str, Any]:
        return {**self.row.as_json(), "joined": self.joined}
