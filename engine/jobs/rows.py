"""Jobs and their attempts as values, read from their rows."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import asyncpg

from engine.jobs.failure import FailureKind
from engine.jobs.state import JobState, LossReason
from engine.report import PassReport, Phase, Progress


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job at the moment when it was read.

    `attempt` counts the claims that count against `max_attempts`, `claims` all of them. A
    pending job with an `error` is being retried; `due_at` says when. `progress` is that of
    the running or last attempt; files that an earlier attempt had visited count as done.
    """

    id: int
    realm: str
    tenant: str
    state: JobState
    from_scratch: bool
    priority: int
    attempt: int
    max_attempts: int
    claims: int
    worker_id: UUID | None
    renewals: int
    progress: Progress
    progress_at: datetime | None
    error: str | None
    error_kind: FailureKind | None
    report: PassReport | None
    enqueued_at: datetime
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def is_retrying(self) -> bool:
        """Whether an attempt has failed and another is to come or under way."""
        return not self.state.is_end and self.error is not None

    @classmethod
    def of(cls, row: asyncpg.Record) -> Self:
        values: dict[str, Any] = dict(row)
        counts = ("done", "total", "reused", "chunks", "loaded", "to_load")
        progress = Progress(
            Phase(values.pop("phase")),
            **{name: values.pop(name) for name in counts},
            phase_seconds=values.pop("phase_seconds") or 0.0,
        )
        kind, report = values.pop("error_kind"), values.pop("report")
        return cls(
            **values | {"state": JobState(values["state"])},
            progress=progress,
            error_kind=None if kind is None else FailureKind(kind),
            report=None if report is None else PassReport.from_json(json.loads(report)),
        )

    def as_json(self) -> dict[str, Any]:
        """The job as plain values for programs; times are ISO 8601."""
        return {
            "id": self.id,
            "realm": self.realm,
            "tenant": self.tenant,
            "state": str(self.state),
            "retrying": self.is_retrying,
            "from_scratch": self.from_scratch,
            "priority": self.priority,
            "attempt": self.attempt,
            "max_attempts": self.max_attempts,
            "worker": str(self.worker_id) if self.worker_id else None,
            "renewals": self.renewals,
            **asdict(self.progress) | {"phase": str(self.progress.phase)},
            "error": self.error,
            "error_kind": str(self.error_kind) if self.error_kind else None,
            "report": self.report.as_json() if self.report else None,
            **{
                name: moment.isoformat() if (moment := getattr(self, name)) else None
                for name in ("enqueued_at", "due_at", "started_at", "finished_at", "progress_at")
            },
        }


@dataclass(frozen=True, slots=True)
class Attempt:
    """One claim of a job that has ended. `outcome` is a word: succeeded, retry, lost, ..."""

    number: int
    worker_id: UUID
    started_at: datetime
    finished_at: datetime
    outcome: str
    error: str | None
    error_kind: str | None
    renewals: int
    done: int
    total: int
    reused: int


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What a request for a pass came to; `joined` if a job was waiting already."""

    realm_id: int
    job_id: int
    joined: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a job, for as long as its token is the job's."""

    job_id: int
    token: UUID
    realm_id: int
    realm: str
    from_scratch: bool
    attempt: int
    max_attempts: int
    claims: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """Jobs that were claimed, and the seconds until another is due; `None` if none waits."""

    claims: tuple[Claim, ...]
    next_due_seconds: float | None


@dataclass(frozen=True, slots=True)
class LostJob:
    """A running job that must be taken from its worker, and why.

    `overdue` if nobody has been able to for another lease.
    """

    job_id: int
    token: UUID
    worker_id: UUID
    attempt: int
    max_attempts: int
    claims: int
    reason: LossReason
    overdue: bool
