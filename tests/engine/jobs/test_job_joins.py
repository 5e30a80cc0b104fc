"""Which requests become one, and which must not, so that no edit is lost."""

from collections.abc import Awaitable, Callable

import anyio
import asyncpg
import pytest
from job_bench import LIMIT, Bench, TakeOut, all_at_once, guards, until, until_blocked

from engine.index.database import Connection
from engine.jobs import LossReason, Lost, store
from engine.jobs.state import Released

CONFLICT = "ON CONFLICT (realm_id) WHERE state = 'pending' AND claims = 0 DO UPDATE"


async def test_requests_join_the_one_that_waits(bench: Bench) -> None:
    realm = await bench.realm("r")
    first = await bench.request(realm)
    second = await bench.request(realm)
    assert (first.joined, second.joined) == (False, True)
    assert first.job_id == second.job_id


@guards
async def test_a_request_does_not_join_what_has_looked_at_the_files_already(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out(
            "enqueue_jobs", "AND state = 'pending'\n    ORDER", "AND finished_at IS NULL\n    ORDER"
        )
    realm = await bench.realm("r")
    claim = await bench.begun(realm)
    asked = await bench.request(realm)
    assert (asked.job_id == claim.job_id) != guarded
    await store.cancel(bench.pool, claim.job_id)
    # The edit behind the request is seen by a pass that begins after it, or by none.
    assert bool(await bench.claim()) == guarded


async def test_a_job_is_followed_by_exactly_one(bench: Bench) -> None:
    realm = await bench.realm("r")
    await bench.begun(realm)
    asked = [await bench.request(realm) for _ in range(5)]
    assert len({each.job_id for each in asked}) == 1
    assert [each.joined for each in asked] == [False, True, True, True, True]


async def test_a_job_between_two_attempts_is_joined_and_keeps_its_pause(bench: Bench) -> None:
    realm = await bench.realm("r")
    claim = await bench.begun(realm)
    await bench.settle(claim, Lost(LossReason.DEAD))
    await bench.pool.execute("UPDATE jobs SET due_at = due_at + interval '60 s'")
    asked = await bench.request(realm)
    assert (asked.job_id, asked.joined) == (claim.job_id, True)
    assert await bench.due_in(claim.job_id) == 60


async def test_of_a_retried_job_and_its_follow_up_the_follow_up_is_joined(bench: Bench) -> None:
    realm = await bench.realm("r")
    claim = await bench.begun(realm)
    follow_up = (await bench.request(realm)).job_id
    await bench.settle(claim, Lost(LossReason.DEAD))
    assert (await bench.request(realm)).job_id == follow_up
    assert len(await bench.states()) == 2


@pytest.mark.parametrize("ended", [True, False], ids=["gone meanwhile", "there"])
async def test_a_request_that_goes_on_leaves_the_other_job_of_its_realm_alone(
    bench: Bench, ended: bool
) -> None:
    """It has joined the follow-up: the retry before it may be begun, or be cancelled."""
    realm = await bench.realm("r")
    retried = await bench.begun(realm)
    follow_up = (await bench.request(realm)).job_id
    await bench.settle(retried, Released())
    session = await bench.connect()
    async with session.transaction():
        assert await bench.enqueue(realm, database=session) == [follow_up]
        if ended:
            assert await store.cancel(bench.pool, retried.job_id)
        assert [each.job_id for each in await bench.claim()] == ([] if ended else [retried.job_id])
    assert bool(await bench.claim()) == ended


async def test_a_request_that_joins_is_not_lost_in_what_it_asked_for(bench: Bench) -> None:
    realm = await bench.realm("r")
    (job_id,) = await bench.enqueue(realm, delay_seconds=600)
    before = await bench.job(job_id)
    await bench.enqueue(realm, from_scratch=True, priority=5, delay_seconds=60)
    await bench.enqueue(realm, priority=1, delay_seconds=3_600)
    row = await bench.job(job_id)
    assert (row["from_scratch"], row["priority"]) == (True, 5)
    assert await bench.due_in(job_id) == 60
    assert row["rank"] < before["rank"]


async def test_fifty_requests_from_two_processes_make_one_job(bench: Bench) -> None:
    realm = await bench.realm("r")
    asked: list[tuple[int, bool]] = []

    async def request() -> None:
        found = await bench.request(realm)
        asked.append((found.job_id, found.joined))

    with anyio.fail_after(60):
        await all_at_once([request] * 50)
    assert len({job_id for job_id, _ in asked}) == 1
    assert [joined for _, joined in asked].count(False) == 1


@pytest.mark.parametrize("index", [True, False], ids=["index", "no index"])
async def test_requests_that_did_not_see_each_other_make_one_job(
    bench: Bench, take_out: TakeOut, index: bool
) -> None:
    """Neither finds a job, both insert one: the unique index has the second one join."""
    realm = await bench.realm("r")
    if not index:
        take_out("enqueue_jobs", CONFLICT, "ON CONFLICT (id) DO UPDATE")
        await bench.pool.execute("DROP INDEX jobs_untouched")
    one, two = await bench.connect(), await bench.connect()
    asked: list[int] = []

    async def request() -> None:
        asked.extend(await bench.enqueue(realm, database=two, from_scratch=True))

    try:
        async with anyio.create_task_group() as tasks, one.transaction():
            asked.extend(await bench.enqueue(realm, database=one))
            tasks.start_soon(request)
            if index:
                await until_blocked(bench, two)
            else:
                await until(lambda: len(asked) == 2)
        assert len(set(asked)) == (1 if index else 2)
        assert (await bench.job(asked[0]))["from_scratch"] == index
    finally:
        if not index:
            await bench.pool.execute("DELETE FROM jobs")
            await bench.pool.execute(
                "CREATE UNIQUE INDEX jobs_untouched ON jobs (realm_id)"
                " WHERE state = 'pending' AND claims = 0"
            )


@guards
async def test_nobody_begins_a_job_that_was_joined_before_the_commit(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    """1. A joins the waiting job and writes its edit, in one transaction. 2. B claims. 3. A
    commits. B must not have begun, since it would not have seen the edit.
    """
    realm = await bench.realm("r")
    (job_id,) = await bench.enqueue(realm)
    if not guarded:
        # A request that only looks, as one might that has nothing to change in the job.
        take_out("enqueue_jobs", "    FOR UPDATE\n")
        take_out(
            "enqueue_jobs", "WHERE jobs.id = waiting.id", "WHERE jobs.id = waiting.id AND false"
        )
        take_out(
            "enqueue_jobs",
            "SELECT 1 FROM joined WHERE joined.",
            "SELECT 1 FROM waiting JOIN jobs USING (id) WHERE jobs.",
        )
    connection = await bench.connect()
    async with connection.transaction():
        await store.enqueue(connection, [realm], max_attempts=LIMIT)
        begun = await bench.claim()
    assert (begun == ()) == guarded
    if guarded:
        assert [each.job_id for each in await bench.claim()] == [job_id]


@pytest.mark.parametrize("commit", [True, False])
async def test_a_new_job_is_as_real_as_the_transaction_that_asked_for_it(
    bench: Bench, commit: bool
) -> None:
    realm = await bench.realm("r")
    connection = await bench.connect()
    transaction = connection.transaction()
    await transaction.start()
    (job_id,) = await bench.enqueue(realm, database=connection)
    assert not await bench.claim()
    assert await store.find(bench.pool, job_id) is None
    await (transaction.commit() if commit else transaction.rollback())
    assert bool(await bench.claim()) == commit


async def test_a_request_that_meets_a_claim_follows_it(bench: Bench) -> None:
    """1. B is claiming the job that waits. 2. A asks, and would join it. 3. B commits."""
    realm = await bench.realm("r")
    (job_id,) = await bench.enqueue(realm)
    claimer, asker = await bench.connect(), await bench.connect()
    asked: list[int] = []

    async def request() -> None:
        asked.extend(await bench.enqueue(realm, database=asker))

    async with anyio.create_task_group() as tasks, claimer.transaction():
        assert await bench.claim(database=claimer)
        tasks.start_soon(request)
        await until_blocked(bench, asker)
    assert asked != [job_id]
    assert await bench.states() == {job_id: "running", asked[0]: "pending"}


async def test_a_request_that_meets_the_end_of_an_attempt_is_not_lost(bench: Bench) -> None:
    """1. B gives its job back. 2. A asks, and sees one that runs. 3. B commits."""
    realm = await bench.realm("r")
    claim = await bench.begun(realm)
    connection = await bench.connect()
    async with connection.transaction():
        await bench.settle(claim, Released(), database=connection)
        (follow_up,) = await bench.enqueue(realm)
    assert await bench.states() == {claim.job_id: "pending", follow_up: "pending"}
    (first,) = await bench.claim(limit=5)
    assert first.job_id == claim.job_id


@guards
async def test_batches_in_opposite_order_do_not_wait_in_a_circle(
    bench: Bench, take_out: TakeOut, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Each of two batches has its first job, and is held up before the other one's."""
    if not guarded:
        as_given = "    ORDER BY array_position($1, realm_id)\n"
        take_out("enqueue_jobs", "    ORDER BY realm_id\n", as_given)
        monkeypatch.setattr(store, "sorted", list, raising=False)
        monkeypatch.setattr(store, "set", list, raising=False)
    first, one_waits, other_waits, last = realms = await bench.realms(4)
    await bench.enqueue(*realms)
    holder, one, other = [await bench.connect() for _ in range(3)]
    deadlocks: list[asyncpg.DeadlockDetectedError] = []

    async def request(connection: Connection, *batch: int) -> None:
        try:
            await store.enqueue(connection, batch, max_attempts=LIMIT)
        except asyncpg.DeadlockDetectedError as error:
            deadlocks.append(error)

    async with anyio.create_task_group() as tasks, holder.transaction():
        locked = "SELECT 1 FROM jobs WHERE realm_id = ANY ($1) FOR UPDATE"
        await holder.fetch(locked, [one_waits, other_waits])
        tasks.start_soon(request, one, first, one_waits, last)
        tasks.start_soon(request, other, last, other_waits, first)
        await until_blocked(bench, one)
        await until_blocked(bench, other)
    assert (deadlocks == []) == guarded


async def test_many_batches_in_any_order_all_end(bench: Bench) -> None:
    realms = await bench.realms(40)

    def batch(step: int) -> Callable[[], Awaitable[None]]:
        async def request() -> None:
            await bench.enqueue(*(realms if step % 2 else realms[::-1]), *realms[:5])

        return request

    with anyio.fail_after(60):
        await all_at_once([batch(step) for step in range(12)])
    assert len(await bench.states()) == 40


async def test_the_same_realm_twice_or_none_at_all_is_no_error(bench: Bench) -> None:
    realm = await bench.realm("r")
    assert len(await bench.enqueue(realm, realm, realm)) == 1
    assert await bench.enqueue() == []
    assert await bench.enqueue(realm + 1_000) == []
