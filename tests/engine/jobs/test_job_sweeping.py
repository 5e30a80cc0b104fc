"""Whose jobs are taken away: those of the dead, the silent and the stalled, and no others."""

from uuid import uuid4

import anyio
import asyncpg
from job_bench import LEASE_SECONDS, PATIENCE, Bench, TakeOut, VirtualWorker, guards

from engine.index.database import Connection
from engine.index.sql import query as index_query
from engine.jobs import Identity, LossReason, Lost, store
from engine.jobs.rows import LostJob
from engine.jobs.sql import query
from engine.jobs.state import Released
from engine.jobs.sweeper import MISSING_SECONDS, sweep_jobs, take


async def lost_jobs(bench: Bench) -> list[LostJob]:
    return await store.lost_jobs(
        bench.pool,
        stall_seconds=PATIENCE.stall_seconds,
        missing_seconds=MISSING_SECONDS,
        lease_seconds=LEASE_SECONDS,
    )


async def reasons(bench: Bench) -> list[LossReason]:
    await store.watch_workers(bench.pool, uuid4())
    return [each.reason for each in await lost_jobs(bench)]


async def test_a_live_worker_that_gets_on_is_left_alone_for_ever(bench: Bench) -> None:
    worker = await bench.worker()
    claim = await bench.begun(await bench.realm("r"), worker)
    for step in range(40):
        await bench.clock.advance(LEASE_SECONDS / 3)
        assert await bench.sweep() == 0
        assert await bench.beat(claim, done=step, moved=True) == {claim.token}
    assert (await bench.job(claim.job_id))["renewals"] == 40


async def test_a_dead_worker_is_found_by_its_lock_long_before_its_lease(bench: Bench) -> None:
    worker = await bench.worker()
    await bench.begun(await bench.realm("r"), worker)
    assert await reasons(bench) == []
    await worker.die()
    assert await reasons(bench) == []
    await bench.clock.advance(MISSING_SECONDS)
    assert await reasons(bench) == [LossReason.DEAD]


async def test_a_worker_that_lost_its_connection_and_not_its_life_keeps_its_job(
    bench: Bench,
) -> None:
    worker = await bench.worker()
    claim = await bench.begun(await bench.realm("r"), worker)
    await worker.die()
    assert await reasons(bench) == []
    await bench.clock.advance(MISSING_SECONDS / 2)
    back = await bench.connect()
    assert await back.fetchval(query("lock_worker"), worker.number)
    await bench.clock.advance(MISSING_SECONDS)
    assert await reasons(bench) == []
    assert (await bench.job(claim.job_id))["state"] == "running"


async def test_a_worker_whose_row_is_gone_is_dead(bench: Bench) -> None:
    worker = await bench.worker()
    await bench.begun(await bench.realm("r"), worker)
    await bench.pool.execute(query("delete_worker"), worker.id)
    assert await reasons(bench) == [LossReason.DEAD]


async def test_a_lock_of_another_number_or_kind_says_nothing_of_a_worker(bench: Bench) -> None:
    worker = await bench.worker()
    other = await bench.worker()
    await bench.begun(await bench.realm("r"), worker)
    await worker.die()
    await other.session.execute("SELECT pg_advisory_lock($1)", worker.number)
    await other.session.execute("SELECT pg_advisory_lock(1, $1)", worker.number)
    await reasons(bench)
    await bench.clock.advance(MISSING_SECONDS)
    assert await reasons(bench) == [LossReason.DEAD]


async def test_who_holds_no_lock_behind_a_pooler_is_dead_when_its_lease_is_over(
    bench: Bench,
) -> None:
    worker = await bench.worker(locked=False)
    await bench.begun(await bench.realm("r"), worker)
    await bench.clock.advance(LEASE_SECONDS)
    assert await reasons(bench) == []
    await bench.clock.advance(0.001)
    assert await reasons(bench) == [LossReason.LEASE]


async def test_a_job_without_progress_is_taken_whatever_its_heartbeat_says(bench: Bench) -> None:
    worker = await bench.worker()
    claim = await bench.begun(await bench.realm("r"), worker)
    beaten = 0.0
    while beaten <= PATIENCE.stall_seconds:
        assert await reasons(bench) == []
        await bench.clock.advance(LEASE_SECONDS / 3)
        beaten += LEASE_SECONDS / 3
        await bench.beat(claim)
    assert await reasons(bench) == [LossReason.STALLED]
    await bench.beat(claim, moved=True)
    assert await reasons(bench) == []


async def test_a_lease_that_is_over_is_renewed_while_nobody_took_the_job(bench: Bench) -> None:
    worker = await bench.worker()
    claim = await bench.begun(await bench.realm("r"), worker)
    await bench.clock.advance(2 * LEASE_SECONDS)
    assert await bench.beat(claim, moved=True) == {claim.token}
    assert await bench.sweep() == 0


@guards
async def test_two_sweeps_at_once_take_a_job_once(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    """Both look before either takes; meanwhile another worker has it."""
    if not guarded:
        take_out("settle_job", "AND token = $2", "AND $2::uuid IS NOT NULL")
    await bench.begun(await bench.realm("r"), await bench.worker())
    await bench.clock.advance(LEASE_SECONDS + 1)
    one, other = (await lost_jobs(bench))[0], (await lost_jobs(bench))[0]
    assert await take(bench.pool, one, Lost(one.reason), spread=0.0)
    (next_claim,) = await bench.claim(await bench.worker())
    assert await take(bench.pool, other, Lost(other.reason), spread=0.0) != guarded
    assert bool(await bench.beat(next_claim)) == guarded
    assert await bench.outcomes(one.job_id) == ["lost"] * (1 if guarded else 2)


async def test_many_sweeps_at_once_take_each_job_once(bench: Bench) -> None:
    worker = await bench.worker()
    await bench.enqueue(*await bench.realms(20))
    claims = await bench.claim(worker, limit=20)
    await bench.clock.advance(LEASE_SECONDS + 1)
    taken: list[int] = []

    async def sweep() -> None:
        taken.append(await sweep_jobs(bench.pool, patience=PATIENCE, spread=lambda: 0.0))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(sweep)
    assert sum(taken) == 20
    history = await bench.pool.fetch("SELECT token FROM attempts")
    assert {row["token"] for row in history} == {claim.token for claim in claims}
    assert len(history) == 20


async def test_a_job_that_is_given_back_while_a_sweep_looks_is_not_swept(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("r"), await bench.worker())
    await bench.clock.advance(LEASE_SECONDS + 1)
    (seen,) = await lost_jobs(bench)
    await bench.settle(claim, Released())
    assert not await take(bench.pool, seen, Lost(seen.reason), spread=0.0)
    assert await bench.outcomes(claim.job_id) == ["released"]


async def writing(
    bench: Bench, session: Connection, worker: VirtualWorker
) -> tuple[LostJob, asyncpg.transaction.Transaction]:
    """A pass whose process froze in the middle of a write, its lease over."""
    claim = await bench.begun(await bench.realm("r"), worker)
    token = uuid4()
    await bench.pool.fetchval(
        index_query("begin_pass"), claim.realm_id, token, claim.job_id, claim.token
    )
    transaction = session.transaction()
    await transaction.start()
    fence = (claim.realm_id, token, claim.job_id, claim.token)
    assert await session.fetchval(index_query("fence"), *fence)
    await bench.clock.advance(LEASE_SECONDS + 1)
    (seen,) = await lost_jobs(bench)
    return seen, transaction


async def test_a_sweep_does_not_take_a_job_from_under_a_write(bench: Bench) -> None:
    session = await bench.connect()
    seen, transaction = await writing(bench, session, await bench.worker())
    assert not await take(bench.pool, seen, Lost(seen.reason), spread=0.0)
    assert (await bench.job(seen.job_id))["state"] == "running"
    await transaction.commit()
    assert await take(bench.pool, seen, Lost(seen.reason), spread=0.0)


async def test_a_process_that_is_frozen_in_a_write_loses_its_sessions_in_the_end(
    bench: Bench,
) -> None:
    worker = await bench.worker()
    session = await bench.connect(application_name=Identity(id=worker.id).application_name)
    bystander = await bench.connect(application_name=Identity().application_name)
    seen, _ = await writing(bench, session, worker)
    assert not seen.overdue
    assert not await take(bench.pool, seen, Lost(seen.reason), spread=0.0)
    assert await session.fetchval("SELECT 1")
    await bench.clock.advance(LEASE_SECONDS)
    (seen,) = await lost_jobs(bench)
    assert seen.overdue
    with anyio.fail_after(30):
        # One sweep ends the sessions, a later one takes the job.
        while not await take(bench.pool, seen, Lost(seen.reason), spread=0.0):
            pass
        there = "SELECT 1 FROM pg_stat_activity WHERE pid = $1"
        while await bench.pool.fetchval(there, session.get_server_pid()):
            pass
    assert await bystander.fetchval("SELECT 1")
    assert (await bench.states())[seen.job_id] == "pending"


async def test_who_sweeps_does_not_look_at_its_own_lock(bench: Bench) -> None:
    worker = await bench.worker()
    await bench.begun(await bench.realm("r"), worker)
    await worker.die()
    assert await store.watch_workers(bench.pool, worker.id) == 0
    assert await store.watch_workers(bench.pool, uuid4()) == 1


async def test_the_silent_are_forgotten_unless_a_job_names_them(bench: Bench) -> None:
    idle, busy = await bench.worker(), await bench.worker()
    await bench.begun(await bench.realm("r"), busy)
    await bench.clock.advance(3_601)
    fresh = await bench.worker()
    await bench.pool.execute(query("delete_dead_workers"), 3_600.0)
    left = {row["id"] for row in await bench.pool.fetch("SELECT id FROM workers")}
    assert left == {busy.id, fresh.id}
    assert idle.id not in left


async def test_history_is_pruned_but_for_the_latest_of_each_realm(bench: Bench) -> None:
    one, other = [await bench.realm(name) for name in "ab"]
    ended = []
    for realm in (one, one, other, one):
        claim = await bench.begun(realm)
        await store.cancel(bench.pool, claim.job_id)
        ended.append(claim.job_id)
    (waiting,) = await bench.enqueue(other)
    await bench.clock.advance(100)
    assert await store.prune(bench.pool, older_than_seconds=100) == 0
    await bench.clock.advance(1)
    assert await store.prune(bench.pool, older_than_seconds=100, limit=1) == 1
    assert await store.prune(bench.pool, older_than_seconds=100) == 2
    assert set(await bench.states()) == {ended[3], waiting}
    assert not await bench.pool.fetch("SELECT 1 FROM attempts WHERE job_id = $1", ended[0])
