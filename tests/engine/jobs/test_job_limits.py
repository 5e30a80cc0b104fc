"""How often a job is tried, whoever decides it, and how it ends when that is over."""

import pytest
from job_bench import LIMIT, Bench, TakeOut, guards

from engine.jobs import Failure, FailureKind, JobState, LossReason, Lost, store
from engine.jobs.state import Failed, Released, Settlement

LIMIT_IN_SETTLE = "WHEN $3 = 'pending' AND $4 AND attempt >= max_attempts THEN 'failed'"

THROTTLED = Failed(Failure(FailureKind.THROTTLED, "later", 5.0))
TRANSIENT = Failed(Failure(FailureKind.TRANSIENT, "again"))


async def tried(bench: Bench, job_id: int) -> tuple[int, int]:
    """Attempts that count, and all claims."""
    row = await bench.job(job_id)
    return row["attempt"], row["claims"]


async def test_a_job_that_kills_its_worker_each_time_ends_failed(bench: Bench) -> None:
    realm = await bench.realm("r")
    (job_id,) = await bench.enqueue(realm)
    for attempt in range(1, LIMIT + 1):
        worker = await bench.worker()
        (claim,) = await bench.claim(worker)
        assert claim.attempt == attempt
        await worker.die()
        await bench.sweep()
        await bench.clock.advance(1)
        assert await bench.sweep() == 1
    row = await bench.job(job_id)
    assert (row["state"], row["error_kind"]) == ("failed", "lost")
    assert row["error"].startswith("worker lost")
    assert await bench.outcomes(job_id) == ["lost"] * LIMIT
    assert not await bench.claim()


@guards
async def test_no_decision_keeps_a_job_alive_beyond_its_attempts(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    """As of a process that counts in another way than the one that claimed."""
    if not guarded:
        take_out("settle_job", LIMIT_IN_SETTLE, "WHEN false THEN ''")
    realm = await bench.realm("r")
    await bench.enqueue(realm)
    again = Settlement(JobState.PENDING, "retry", error="again", kind=FailureKind.TRANSIENT)
    for _ in range(LIMIT):
        (claim,) = await bench.claim()
        state = await store.settle(bench.pool, claim.job_id, claim.token, again)
    # Without the guard it waits for ever, since no claimer takes it either.
    assert state == ("failed" if guarded else "pending")
    assert not await bench.claim()
    assert (await bench.job(claim.job_id))["error"] == "again"


@guards
async def test_nobody_claims_what_has_no_attempts_left(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out("claim_jobs", "AND jobs.attempt < jobs.max_attempts")
    (job_id,) = await bench.enqueue(await bench.realm("r"))
    await bench.pool.execute("UPDATE jobs SET attempt = max_attempts, claims = max_attempts")
    assert (await bench.claim() == ()) == guarded
    assert await tried(bench, job_id) == ((LIMIT, LIMIT) if guarded else (LIMIT + 1, LIMIT + 1))


@pytest.mark.parametrize("outcome", [Released(), THROTTLED], ids=["released", "throttled"])
async def test_what_is_no_fault_of_the_job_is_not_counted(
    bench: Bench, outcome: Released | Failed
) -> None:
    (job_id,) = await bench.enqueue(await bench.realm("r"))
    for claims in range(1, 3 * LIMIT):
        (claim,) = await bench.claim()
        assert (claim.attempt, claim.claims) == (1, claims)
        assert await bench.settle(claim, outcome) == "pending"
        await bench.clock.advance(5)
    assert await tried(bench, job_id) == (0, 3 * LIMIT - 1)
    assert len(await bench.outcomes(job_id)) == 3 * LIMIT - 1


async def test_an_attempt_that_fails_makes_the_next_one_wait(bench: Bench) -> None:
    (job_id,) = await bench.enqueue(await bench.realm("r"))
    pauses = []
    for _ in range(LIMIT - 1):
        (claim,) = await bench.claim()
        await bench.settle(claim, TRANSIENT)
        assert not await bench.claim()
        pauses.append(await bench.due_in(job_id))
        await bench.clock.advance(pauses[-1])
    assert pauses == [5.0, 10.0]
    (claim,) = await bench.claim()
    assert await bench.settle(claim, TRANSIENT) == "failed"


async def test_a_job_that_is_hurried_has_all_its_attempts_again(bench: Bench) -> None:
    (job_id,) = await bench.enqueue(await bench.realm("r"))
    for _ in range(LIMIT - 1):
        (claim,) = await bench.claim()
        await bench.settle(claim, TRANSIENT)
        await bench.clock.advance(10)
    (claim,) = await bench.claim()
    assert not await store.hurry(bench.pool, job_id)
    await bench.settle(claim, Failed(Failure(FailureKind.THROTTLED, "later", 3_000.0)))
    assert not await bench.claim()
    assert await store.hurry(bench.pool, job_id)
    (claim,) = await bench.claim()
    assert (claim.attempt, claim.claims) == (1, LIMIT + 1)
    await bench.settle(claim, TRANSIENT)
    assert (await bench.states())[job_id] == "pending"


async def test_a_job_that_succeeds_complains_of_no_earlier_attempt(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("r"))
    await bench.settle(claim, TRANSIENT)
    await bench.clock.advance(5)
    (claim,) = await bench.claim()
    row = await bench.job(claim.job_id)
    assert (row["error"], row["error_kind"]) == ("again", "transient")
    await store.settle(
        bench.pool, claim.job_id, claim.token, Settlement(JobState.SUCCEEDED, "succeeded")
    )
    row = await bench.job(claim.job_id)
    assert (row["error"], row["error_kind"]) == (None, None)
    assert await bench.outcomes(claim.job_id) == ["retry", "succeeded"]


async def test_a_job_that_was_given_back_remembers_what_it_failed_of_before(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("r"))
    await bench.settle(claim, TRANSIENT)
    await bench.clock.advance(5)
    (claim,) = await bench.claim()
    await bench.settle(claim, Released())
    assert (await bench.job(claim.job_id))["error"] == "again"


async def test_each_attempt_has_a_line_of_its_own_kept_apart_from_the_next(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("r"))
    await bench.beat(claim, done=40, moved=True)
    await bench.clock.advance(60)
    await bench.settle(claim, Lost(LossReason.STALLED))
    (again,) = await bench.claim()
    await bench.settle(again, TRANSIENT)
    first, second = await store.attempts(bench.pool, claim.job_id)
    assert (first.number, first.done, first.renewals, first.outcome) == (1, 40, 1, "lost")
    assert (first.finished_at - first.started_at).total_seconds() == 60
    assert (second.number, second.done, second.renewals, second.outcome) == (2, 0, 0, "retry")
