"""The states of a job, and the one table of its transitions. Pure: no clock, no database."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from engine.jobs.failure import Failure, FailureKind


class JobState(StrEnum):
    """`pending` waits to be claimed, for the first time or again; the last three are ends."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        return self not in (JobState.PENDING, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Failed:
    """The pass raised."""

    failure: Failure


class LossReason(StrEnum):
    """Why a claim was taken away from its worker."""

    DEAD = "dead"
    LEASE = "lease"
    STALLED = "stalled"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker was found dead or silent, or the job made no progress. `detail` says more."""

    reason: LossReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """The worker stops, on purpose, and gives the job back."""


Outcome: TypeAlias = Failed | Lost | Released


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between attempts: `base_seconds` doubled with each, up to `cap_seconds`."""

    base_seconds: float = 5.0
    cap_seconds: float = 600.0

    def delay_seconds(self, attempt: int, *, spread: float) -> float:
        """The pause behind an attempt, counted from 1; `spread` is random, from 0 up to 1.

        Anything within the octave is as likely: jobs that failed together do not come back
        together, and still each pause is longer than the one before it.
        """
        octave = self.base_seconds * 2.0 ** min(attempt - 1, 32)
        return min(octave * (1.0 + spread), self.cap_seconds)


# Who is told when to come back is told the same as all others.
MOST_SPREAD_SECONDS = 60.0


def after(asked_seconds: float, *, spread: float) -> float:
    """A pause of at least what was asked for; `spread` is random, from 0 up to 1.

    All jobs that an outage meets are told of the moment at which its breaker lets one call
    through. That one has to be answered before the next can go, so they come apart.
    """
    return asked_seconds + spread * min(asked_seconds / 2, MOST_SPREAD_SECONDS)


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a claim ends: the state that the job goes to, and what its history says of it.

    `charged` claims count against the attempt limit.
    """

    state: JobState
    outcome: str
    charged: bool = True
    delay_seconds: float = 0.0
    error: str | None = None
    kind: FailureKind | None = None


SUCCESS = Settlement(JobState.SUCCEEDED, "succeeded")


def settlement(
    outcome: Outcome,
    *,
    attempt: int,
    max_attempts: int,
    claims: int,
    backoff: Backoff,
    spread: float,
) -> Settlement:
    """What becomes of a running job. `claims` counts those that were not charged too.

    | outcome | attempts left | none left |
    |---|---|---|
    | gone | cancelled | cancelled |
    | permanent | failed | failed |
    | transient | pending after a pause | failed |
    | throttled | pending when told or soon after, not charged | the same |
    | lost | pending at once | failed |
    | released | pending at once, not charged | the same |

    Success is not here: it is part of the swap. Neither is cancelling, which asks nobody.
    """
    match outcome:
        case Released():
            return Settlement(JobState.PENDING, "released", charged=False)
        case Lost():
            state = JobState.PENDING if attempt < max_attempts else JobState.FAILED
            text = _loss(outcome)
            return Settlement(state, "lost", error=text, kind=FailureKind.LOST)
        case Failed(Failure(FailureKind.GONE) as failure):
            return _ended(JobState.CANCELLED, "gone", failure)
        case Failed(Failure(FailureKind.THROTTLED) as failure):
            asked = failure.retry_after_seconds
            if asked is None:
                pause = backoff.delay_seconds(claims, spread=spread)
            else:
                pause = after(asked, spread=spread)
            return _again(failure, "throttled", pause, charged=False)
        case Failed(Failure(FailureKind.TRANSIENT) as failure) if attempt < max_attempts:
            return _again(failure, "retry", backoff.delay_seconds(attempt, spread=spread))
        case Failed(failure):
            return _ended(JobState.FAILED, "failed", failure)


def _again(
    failure: Failure, outcome: str, delay_seconds: float, *, charged: bool = True
) -> Settlement:
    return Settlement(
        JobState.PENDING,
        outcome,
        charged=charged,
        delay_seconds=delay_seconds,
        error=failure.text,
        kind=failure.kind,
    )


def _ended(state: JobState, outcome: str, failure: Failure) -> Settlement:
    return Settlement(state, outcome, error=failure.text, kind=failure.kind)


def _loss(lost: Lost) -> str:
    text = {
        LossReason.DEAD: "worker lost: its process or its connection ended",
        LossReason.LEASE: "worker lost: it let its lease run out",
        LossReason.STALLED: "stalled: no progress for the stall time",
        LossReason.MEMORY: "worker lost: it went over its memory limit",
    }[lost.reason]
    return f"{text}; {lost.detail}" if lost.detail else text
