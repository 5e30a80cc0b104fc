"""Who gets which job: each one once, one for a realm at a time, nobody left out."""

from collections import Counter

import anyio
import asyncpg
import pytest
from job_bench import KIND, Bench, TakeOut, all_at_once, guards, until, until_blocked

from engine.jobs import Claim, JobState, LossReason, Lost, Reach, store
from engine.jobs.sql import query
from engine.jobs.state import Released

BEGUN_IN_CLAIM = """AND (
            jobs.claims > 0
            OR NOT EXISTS (
                SELECT 1
                FROM jobs AS begun
                WHERE begun.realm_id = jobs.realm_id
                    AND (
                        begun.state = 'running' OR (begun.state = 'pending' AND begun.claims > 0)
                    )
            )
        )"""


async def test_eight_claimers_of_two_hundred_jobs_get_each_once(bench: Bench) -> None:
    jobs = await bench.enqueue(*await bench.realms(200))
    claimed: list[int] = []

    async def claimer() -> None:
        connection = await bench.connect()
        while claims := await bench.claim(limit=3, database=connection):
            claimed.extend(each.job_id for each in claims)

    with anyio.fail_after(60):
        await all_at_once([claimer] * 8)
    # One who finds every job that is left locked goes away before the last ones are free.
    claimed.extend(each.job_id for each in await bench.claim(limit=200))
    assert Counter(claimed) == Counter(jobs)


@guards
async def test_a_claimer_passes_by_what_another_is_taking(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out("claim_jobs", "SKIP LOCKED")
    first, second = await bench.enqueue(*await bench.realms(2))
    one, two = await bench.connect(), await bench.connect()
    claims: list[Claim] = []

    async def claim() -> None:
        claims.extend(await bench.claim(database=two))

    async with anyio.create_task_group() as tasks, one.transaction():
        assert [each.job_id for each in await bench.claim(database=one)] == [first]
        tasks.start_soon(claim)
        if guarded:
            await until(lambda: bool(claims))
        else:
            await until_blocked(bench, two)
            assert not claims
    assert [each.job_id for each in claims] == [second]


@guards
async def test_a_job_is_not_taken_twice_by_claimers_that_saw_it_at_once(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out("claim_jobs", "FOR NO KEY UPDATE OF jobs SKIP LOCKED")
    (job_id,) = await bench.enqueue(await bench.realm("r"))
    one, two = await bench.connect(), await bench.connect()
    claims: list[Claim] = []

    async def claim() -> None:
        claims.extend(await bench.claim(database=two))

    async with anyio.create_task_group() as tasks, one.transaction():
        claims.extend(await bench.claim(database=one))
        tasks.start_soon(claim)
        if not guarded:
            await until_blocked(bench, two)
    assert [each.job_id for each in claims] == ([job_id] if guarded else [job_id, job_id])


async def following(bench: Bench) -> tuple[Claim, int]:
    """A running job of a realm, and the one that follows it."""
    realm = await bench.realm("r")
    claim = await bench.begun(realm)
    (follow_up,) = await bench.enqueue(realm)
    assert follow_up != claim.job_id
    return claim, follow_up


@pytest.mark.parametrize("index", [True, False], ids=["index", "no index"])
@guards
async def test_a_realm_has_one_job_that_was_begun(
    bench: Bench, take_out: TakeOut, guarded: bool, index: bool
) -> None:
    """The statement looks; the unique index holds whatever the statement overlooked."""
    claim, follow_up = await following(bench)
    if not guarded:
        take_out("claim_jobs", BEGUN_IN_CLAIM)
    async with bench.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            if not index:
                await connection.execute("DROP INDEX jobs_begun")
            if guarded:
                assert not await bench.claim(database=connection)
            elif index:
                with pytest.raises(asyncpg.UniqueViolationError):
                    await bench.claim(database=connection)
            else:
                (second,) = await bench.claim(database=connection)
                assert (second.job_id, second.realm_id) == (follow_up, claim.realm_id)
        finally:
            await transaction.rollback()


async def test_what_follows_a_job_waits_also_between_its_attempts(bench: Bench) -> None:
    claim, follow_up = await following(bench)
    await bench.settle(claim, Lost(LossReason.DEAD))
    (again,) = await bench.claim(limit=5)
    assert again.job_id == claim.job_id
    assert not await bench.claim(limit=5)
    await store.cancel(bench.pool, claim.job_id)
    (after,) = await bench.claim(limit=5)
    assert after.job_id == follow_up


async def test_a_claimer_that_looked_before_a_job_ended_does_not_begin_the_next_too(
    bench: Bench,
) -> None:
    """1. A looks; the realm's job is pending. 2. B takes and gives it back. 3. A goes on."""
    (job_id,) = await bench.enqueue(await bench.realm("r"))
    holder, late = await bench.connect(), await bench.connect()
    claims: list[Claim] = []

    async def claim() -> None:
        claims.extend(await bench.claim(database=late))

    async with anyio.create_task_group() as tasks, holder.transaction():
        # The table is held so that the late one has its snapshot and gets no further.
        await holder.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        tasks.start_soon(claim)
        await until_blocked(bench, late)
        (first,) = await bench.claim(database=holder)
        await bench.settle(first, Released(), database=holder)
    assert [each.job_id for each in claims] == [job_id]
    assert await bench.states() == {job_id: "running"}


@pytest.mark.parametrize(
    ("reach", "reached"),
    [
        (Reach([KIND]), {"a", "b"}),
        (Reach([]), set()),
        (Reach(["git"]), {"g"}),
        (Reach(["git", KIND]), {"a", "b", "g"}),
        (Reach([], handed=["x"]), {"x"}),
        (Reach([KIND], handed=["x"]), {"a", "b", "x"}),
        (Reach([KIND], only=["b", "g"]), {"b"}),
        (Reach([KIND], handed=["x"], only=["x"]), {"x"}),
        (Reach([KIND], only=[]), set()),
    ],
)
async def test_a_job_that_is_out_of_reach_is_left_to_others(
    bench: Bench, reach: Reach, reached: set[str]
) -> None:
    kinds = {"a": KIND, "b": KIND, "g": "git", "x": "of tomorrow"}
    await bench.enqueue(*[await bench.realm(name, kind=kind) for name, kind in kinds.items()])
    claims = await bench.claim(limit=10, reach=reach)
    assert {each.realm for each in claims} == reached
    rest = await bench.claim(limit=10, reach=Reach([KIND, "git", "of tomorrow"]))
    assert {each.realm for each in rest} == kinds.keys() - reached


async def test_no_job_of_a_paused_realm_is_begun_until_it_goes_on(bench: Bench) -> None:
    paused, other = [await bench.realm(name) for name in "ab"]
    await store.set_paused(bench.pool, paused, paused=True)
    await bench.enqueue(paused, other)
    assert [each.realm_id for each in await bench.claim(limit=5)] == [other]
    await store.set_paused(bench.pool, paused, paused=False)
    assert [each.realm_id for each in await bench.claim(limit=5)] == [paused]


async def test_the_next_pause_is_until_the_next_job_is_due(bench: Bench) -> None:
    first, second = [await bench.realm(name) for name in "ab"]
    await bench.enqueue(first, delay_seconds=30)
    await bench.enqueue(second, delay_seconds=90)
    worker, reach = await bench.worker(), Reach([KIND])

    async def due() -> float | None:
        claimed = await store.claim(bench.pool, worker.id, reach, lease_seconds=60, limit=5)
        return claimed.next_due_seconds

    assert await due() == 30
    await bench.clock.advance(29.5)
    assert await due() == 0.5
    await bench.clock.advance(0.5)
    assert await due() == 60
    assert len(await bench.claim()) == 0
    await bench.clock.advance(60)
    assert await due() is None
    assert set((await bench.states()).values()) == {JobState.RUNNING}


async def test_a_job_that_is_claimed_is_told_of_its_lease_alone(bench: Bench) -> None:
    """What an earlier attempt counted is not mistaken for this one's."""
    realm = await bench.realm("r")
    claim = await bench.begun(realm)
    await bench.beat(claim, done=40, moved=True)
    await bench.settle(claim, Lost(LossReason.DEAD))
    (claim,) = await bench.claim()
    row = await bench.job(claim.job_id)
    assert (row["done"], row["total"], row["renewals"], row["phase"]) == (0, 0, 0, "queued")


async def test_claimers_that_are_many_all_have_their_names(bench: Bench) -> None:
    """The lock by which a worker's death is seen has a number that nobody else has."""
    workers = [await bench.worker() for _ in range(5)]
    assert len({worker.number for worker in workers}) == 5
    for worker in workers:
        assert not await bench.pool.fetchval(query("lock_worker"), worker.number)
