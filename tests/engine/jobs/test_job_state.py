"""The table of transitions, and the pauses between attempts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.jobs import Backoff, Failure, FailureKind, JobState, LossReason, Lost
from engine.jobs.state import Failed, Outcome, Released, Settlement, after, settlement

LIMIT = 3

# What the base pause comes to behind the first attempt, and behind the fourth claim.
BACKOFF = Backoff(base_seconds=8.0, cap_seconds=10_000.0)


def failed(kind: FailureKind, asked: float | None = None) -> Failed:
    return Failed(Failure(kind, "why", asked))


def settled(outcome: Outcome, *, attempt: int, claims: int = 4) -> Settlement:
    return settlement(
        outcome, attempt=attempt, max_attempts=LIMIT, claims=claims, backoff=BACKOFF, spread=0.0
    )


PENDING, FAILED, CANCELLED = JobState.PENDING, JobState.FAILED, JobState.CANCELLED


@pytest.mark.parametrize(
    ("outcome", "with_attempts_left", "with_none_left", "charged"),
    [
        (failed(FailureKind.GONE), (CANCELLED, 0), (CANCELLED, 0), True),
        (failed(FailureKind.PERMANENT), (FAILED, 0), (FAILED, 0), True),
        (failed(FailureKind.TRANSIENT), (PENDING, 8), (FAILED, 0), True),
        (failed(FailureKind.THROTTLED, 7), (PENDING, 7), (PENDING, 7), False),
        (failed(FailureKind.THROTTLED, 0), (PENDING, 0), (PENDING, 0), False),
        (failed(FailureKind.THROTTLED), (PENDING, 64), (PENDING, 64), False),
        (failed(FailureKind.LOST), (FAILED, 0), (FAILED, 0), True),
        (Lost(LossReason.DEAD), (PENDING, 0), (FAILED, 0), True),
        (Lost(LossReason.LEASE), (PENDING, 0), (FAILED, 0), True),
        (Lost(LossReason.STALLED), (PENDING, 0), (FAILED, 0), True),
        (Lost(LossReason.MEMORY), (PENDING, 0), (FAILED, 0), True),
        (Released(), (PENDING, 0), (PENDING, 0), False),
    ],
    ids=str,
)
def test_each_outcome_leads_to_one_state(
    outcome: Outcome,
    with_attempts_left: tuple[JobState, float],
    with_none_left: tuple[JobState, float],
    charged: bool,
) -> None:
    for attempt, (state, delay) in ((1, with_attempts_left), (LIMIT, with_none_left)):
        found = settled(outcome, attempt=attempt)
        assert (found.state, found.delay_seconds, found.charged) == (state, delay, charged)


def test_an_attempt_over_the_limit_is_as_good_as_one_at_it() -> None:
    assert settled(failed(FailureKind.TRANSIENT), attempt=LIMIT + 5).state is FAILED
    assert settled(Lost(LossReason.DEAD), attempt=LIMIT + 5).state is FAILED


def test_what_an_attempt_failed_of_is_kept_whatever_comes_next() -> None:
    for kind in set(FailureKind) - {FailureKind.LOST}:
        found = settled(failed(kind), attempt=1)
        assert (found.error, found.kind) == ("why", kind)


@pytest.mark.parametrize("reason", LossReason)
def test_a_lost_job_says_what_became_of_its_worker(reason: LossReason) -> None:
    found = settled(Lost(reason, "the last words"), attempt=LIMIT)
    assert found.kind is FailureKind.LOST
    assert found.error is not None
    assert found.error.endswith("; the last words")
    assert (
        "stalled" in found.error if reason is LossReason.STALLED else "worker lost" in found.error
    )


def test_a_job_that_is_given_back_has_nothing_to_complain_of() -> None:
    found = settled(Released(), attempt=1)
    assert (found.outcome, found.error, found.kind) == ("released", None, None)


# Short of one by more than what a sum with it is rounded by.
spreads = st.floats(0, 0.999999)
backoffs = st.builds(
    Backoff,
    base_seconds=st.floats(0.01, 60),
    cap_seconds=st.floats(60, 100_000),
)


@given(backoffs, st.integers(1, 60), spreads, spreads)
def test_each_pause_is_longer_than_the_one_before_it_until_the_cap(
    backoff: Backoff, attempt: int, spread: float, next_spread: float
) -> None:
    now = backoff.delay_seconds(attempt, spread=spread)
    then = backoff.delay_seconds(attempt + 1, spread=next_spread)
    assert then > now or then == now == backoff.cap_seconds or attempt > 32


@given(backoffs, st.integers(1, 33), spreads)
def test_a_pause_is_within_its_octave(backoff: Backoff, attempt: int, spread: float) -> None:
    octave = backoff.base_seconds * 2 ** (attempt - 1)
    pause = backoff.delay_seconds(attempt, spread=spread)
    assert min(octave, backoff.cap_seconds) <= pause <= min(2 * octave, backoff.cap_seconds)


@given(backoffs, st.integers(1, 10**9), spreads)
def test_no_number_of_attempts_makes_a_pause_longer_than_the_cap(
    backoff: Backoff, attempt: int, spread: float
) -> None:
    assert 0 < backoff.delay_seconds(attempt, spread=spread) <= backoff.cap_seconds


@given(st.floats(0, 3_600), spreads)
def test_who_is_told_when_to_come_back_comes_no_sooner_and_little_later(
    asked: float, spread: float
) -> None:
    assert asked <= after(asked, spread=spread) <= asked + min(asked / 2, 60)


def test_jobs_that_were_told_the_same_moment_do_not_come_back_together() -> None:
    told = failed(FailureKind.THROTTLED, 300)
    pauses = {
        settlement(
            told, attempt=1, max_attempts=3, claims=1, backoff=BACKOFF, spread=step / 100
        ).delay_seconds
        for step in range(100)
    }
    assert len(pauses) == 100
    assert max(pauses) - min(pauses) > 50


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    pauses = {Backoff().delay_seconds(1, spread=step / 100) for step in range(100)}
    assert len(pauses) == 100
