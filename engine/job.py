"""A request for a pass, as its caller holds it. Lives in the process that made it."""

from enum import StrEnum
from uuid import uuid4

import anyio

from engine.errors import PassFailed
from engine.report import PassReport, Progress, Tracker


class JobState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job:
    """One requested pass. Twins share one object while the pass has not begun."""

    def __init__(self, realm: str, *, from_scratch: bool = False) -> None:
        self.id = str(uuid4())
        self.realm = realm
        self.from_scratch = from_scratch
        self.state = JobState.PENDING
        self.error: BaseException | None = None
        self.report: PassReport | None = None
        self.tracker = Tracker()
        self.scope = anyio.CancelScope()
        self._ended = anyio.Event()

    def __repr__(self) -> str:
        return f"<Job {self.id} realm={self.realm!r} {self.state}>"

    @property
    def progress(self) -> Progress:
        """Where the pass is at this moment."""
        return self.tracker.progress()

    async def finished(self) -> PassReport:
        """Wait for the end and return the report.

        Raises what the pass raised; `PassFailed` if the job was cancelled. Cancelling the
        wait does not cancel the job.
        """
        await self._ended.wait()
        if self.error is not None:
            raise self.error
        if self.report is None:
            raise PassFailed(f"{self.realm}: the job was cancelled; the index is as it was")
        return self.report

    def cancel(self) -> None:
        """Stop the pass at its next await; the live index stays as it was."""
        self.scope.cancel()

    def succeeded(self, report: PassReport) -> None:
        """The pass has swapped: whatever comes now, even a cancellation, comes too late."""
        self.report = report

    def end(self, state: JobState, *, error: BaseException | None = None) -> None:
        """Settle the job, once."""
        self.state, self.error = state, error
        self._ended.set()
