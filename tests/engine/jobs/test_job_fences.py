"""What a claim that is over can still do: nothing. Each guard is taken out once, to see."""

from uuid import UUID, uuid4

import asyncpg
import pytest
from job_bench import Bench, TakeOut, guards

from engine.index.sql import query
from engine.jobs import SUCCESS, Claim, LossReason, Lost, store
from engine.jobs.failure import Failure, FailureKind
from engine.jobs.state import Failed, Released

OUTCOMES = [
    Lost(LossReason.LEASE),
    Released(),
    Failed(Failure(FailureKind.PERMANENT, "no")),
    Failed(Failure(FailureKind.TRANSIENT, "no")),
]


async def begin_pass(bench: Bench, claim: Claim) -> UUID:
    token = uuid4()
    begun = (claim.realm_id, token, claim.job_id, claim.token)
    assert await bench.pool.fetchval(query("begin_pass"), *begun)
    return token


async def may_write(bench: Bench, claim: Claim, token: UUID) -> bool:
    fence = (claim.realm_id, token, claim.job_id, claim.token)
    return await bench.pool.fetchval(query("fence"), *fence) is not None


async def frozen_and_taken_over(bench: Bench) -> tuple[Claim, Claim]:
    """A claim whose worker slept through its lease, and the one that came after it."""
    old = await bench.begun(await bench.realm("r"))
    await bench.settle(old, Lost(LossReason.LEASE))
    (new,) = await bench.claim()
    assert new.job_id == old.job_id
    return old, new


@guards
@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda each: type(each).__name__)
async def test_a_worker_that_lost_its_job_cannot_end_it(
    bench: Bench, take_out: TakeOut, guarded: bool, outcome: Lost | Released | Failed
) -> None:
    if not guarded:
        take_out("settle_job", "AND token = $2", "AND $2::uuid IS NOT NULL")
    old, new = await frozen_and_taken_over(bench)
    before = await bench.job(new.job_id)
    assert (await bench.settle(old, outcome) is None) == guarded
    assert (await bench.job(new.job_id) == before) == guarded
    assert (await bench.outcomes(new.job_id) == ["lost"]) == guarded


@guards
async def test_a_worker_that_lost_its_job_cannot_call_it_a_success(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out("settle_job", "AND token = $2", "AND $2::uuid IS NOT NULL")
    old, new = await frozen_and_taken_over(bench)
    state = await store.settle(bench.pool, old.job_id, old.token, SUCCESS, report={"n": 1})
    assert state == (None if guarded else "succeeded")
    assert (await bench.job(new.job_id))["state"] == ("running" if guarded else "succeeded")


@guards
async def test_a_worker_that_lost_its_job_cannot_renew_its_lease(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out("beat_jobs", "AND jobs.token = beats.token")
    old, new = await frozen_and_taken_over(bench)
    await bench.clock.advance(10)
    assert (await bench.beat(old) == frozenset()) == guarded
    assert (await bench.job(new.job_id))["renewals"] == (0 if guarded else 1)


async def test_a_job_is_ended_once_however_often_that_is_said(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("r"))
    answers = [await bench.settle(claim, Released()) for _ in range(3)]
    assert answers == ["pending", None, None]
    assert await bench.outcomes(claim.job_id) == ["released"]


@guards
async def test_a_pass_whose_claim_is_over_writes_nothing(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out(
            "fence",
            "JOIN jobs ON jobs.id = $3 AND jobs.token = $4 AND",
            "JOIN jobs ON jobs.id = $3 AND $4::uuid IS NOT NULL AND",
        )
    old = await bench.begun(await bench.realm("r"))
    token = await begin_pass(bench, old)
    assert await may_write(bench, old, token)
    await bench.settle(old, Lost(LossReason.LEASE))
    # Nobody has begun a pass yet, so the realm still is the old one's.
    assert not await may_write(bench, old, token)
    await bench.claim()
    assert await may_write(bench, old, token) != guarded


@guards
async def test_a_pass_that_another_one_of_its_claim_followed_writes_nothing(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out("fence", "AND realms.pass_token = $2", "AND $2::uuid IS NOT NULL")
    claim = await bench.begun(await bench.realm("r"))
    old = await begin_pass(bench, claim)
    new = await begin_pass(bench, claim)
    assert await may_write(bench, claim, old) != guarded
    assert await may_write(bench, claim, new)


@guards
async def test_a_claim_that_is_over_begins_no_pass(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out("begin_pass", "AND jobs.token = $4")
    old, new = await frozen_and_taken_over(bench)
    live = await begin_pass(bench, new)
    begun = (old.realm_id, uuid4(), old.job_id, old.token)
    assert (await bench.pool.fetchval(query("begin_pass"), *begun) is None) == guarded
    assert await may_write(bench, new, live) == guarded


async def swapped(bench: Bench, claim: Claim, token: UUID) -> bool:
    """A swap as a pass makes it: the realm first, the job at the end, all or nothing."""
    async with bench.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        mine = (claim.realm_id, token)
        generation = await connection.fetchval(query("fence_for_swap"), *mine)
        if generation is not None:
            await connection.execute(
                query("update_realm_swapped"), claim.realm_id, generation, "recipe", ""
            )
            if await store.settle(connection, claim.job_id, claim.token, SUCCESS):
                await transaction.commit()
                return True
        await transaction.rollback()
        return False


@guards
async def test_a_pass_whose_claim_is_over_does_not_swap(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out("settle_job", "AND token = $2", "AND $2::uuid IS NOT NULL")
    old = await bench.begun(await bench.realm("r"))
    token = await begin_pass(bench, old)
    await bench.settle(old, Lost(LossReason.LEASE))
    # The next pass has not begun, so the realm still is the old one's.
    await bench.claim()
    assert await swapped(bench, old, token) != guarded


@guards
async def test_a_pass_that_another_one_of_its_claim_followed_does_not_swap(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out("fence_for_swap", "AND pass_token = $2", "AND $2::uuid IS NOT NULL")
    claim = await bench.begun(await bench.realm("r"))
    old = await begin_pass(bench, claim)
    new = await begin_pass(bench, claim)
    assert await swapped(bench, claim, old) != guarded
    assert await swapped(bench, claim, new) == guarded


async def test_a_cancelled_job_neither_writes_nor_swaps(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("r"))
    token = await begin_pass(bench, claim)
    assert await store.cancel(bench.pool, claim.job_id)
    assert not await may_write(bench, claim, token)
    assert not await swapped(bench, claim, token)
    assert await bench.settle(claim, Released()) is None
    assert await bench.states() == {claim.job_id: "cancelled"}


async def test_a_success_that_was_committed_is_not_undone_by_a_cancellation(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("r"))
    token = await begin_pass(bench, claim)
    assert await swapped(bench, claim, token)
    assert not await store.cancel(bench.pool, claim.job_id)
    assert await bench.states() == {claim.job_id: "succeeded"}


async def test_no_two_claims_have_the_same_token(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("r"))
    (other,) = await bench.enqueue(await bench.realm("s"))
    with pytest.raises(asyncpg.UniqueViolationError):
        await bench.pool.execute(
            "UPDATE jobs SET state = 'running', token = $1 WHERE id = $2", claim.token, other
        )


@pytest.mark.parametrize("end", ["settled", "cancelled"])
async def test_the_end_of_a_claim_closes_its_pass_in_the_history(bench: Bench, end: str) -> None:
    claim = await bench.begun(await bench.realm("r"))
    token = await begin_pass(bench, claim)
    if end == "settled":
        await bench.settle(claim, Lost(LossReason.DEAD))
    else:
        await store.cancel(bench.pool, claim.job_id)
    row = await bench.pool.fetchrow("SELECT * FROM passes WHERE token = $1", token)
    assert row["finished_at"] == await bench.clock.now()
    assert ("worker lost" if end == "settled" else "cancelled") in row["error"]
