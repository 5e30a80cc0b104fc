"""Heartbeats: what they cost, and what they do not wait for."""

import json
from uuid import uuid4

import anyio
import asyncpg
import pytest
from job_bench import LEASE_SECONDS, Bench, TakeOut, guards

from engine.index.database import Connection
from engine.index.sql import query
from engine.jobs import Claim, LossReason, Lost, store
from engine.jobs.failure import failure_of
from engine.jobs.state import Failed

BEATS = 1_000


async def begin_write(bench: Bench, claim: Claim, session: Connection) -> None:
    """Leave the session in the middle of a write of the claim's pass."""
    arguments = (claim.realm_id, uuid4(), claim.job_id, claim.token)
    await bench.pool.fetchval(query("begin_pass"), *arguments)
    await session.execute("BEGIN")
    assert await session.fetchval(query("fence"), *arguments)


@guards
async def test_a_heartbeat_does_not_wait_for_a_write_of_its_pass(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out("fence", "FOR KEY SHARE OF jobs", "FOR SHARE OF jobs")
    claim = await bench.begun(await bench.realm("r"))
    await begin_write(bench, claim, await bench.connect())
    heart = await bench.connect()
    await heart.execute("SET lock_timeout = '200ms'")
    if guarded:
        assert await bench.beat(claim, done=3, moved=True, database=heart)
    else:
        with pytest.raises(asyncpg.LockNotAvailableError):
            await bench.beat(claim, database=heart)


@guards
@pytest.mark.parametrize("end", ["cancel", "sweep"])
async def test_the_end_of_a_claim_waits_for_a_write_of_its_pass(
    bench: Bench, take_out: TakeOut, guarded: bool, end: str
) -> None:
    """Else a write that began under the claim would be committed after its end."""
    if not guarded:
        take_out("fence", "FOR KEY SHARE OF jobs")
    claim = await bench.begun(await bench.realm("r"))
    await begin_write(bench, claim, await bench.connect())
    other = await bench.connect()
    await other.execute("SET lock_timeout = '200ms'")
    ended = (
        store.cancel(other, claim.job_id)
        if end == "cancel"
        else bench.settle(claim, Lost(LossReason.LEASE), database=other)
    )
    if guarded:
        with pytest.raises(asyncpg.LockNotAvailableError):
            await ended
    else:
        await ended
    assert ((await bench.job(claim.job_id))["state"] == "running") == guarded


async def test_one_statement_renews_all_leases_and_tells_which_are_lost(bench: Bench) -> None:
    await bench.enqueue(*await bench.realms(6))
    claims = await bench.claim(limit=6)
    await store.cancel(bench.pool, claims[0].job_id)
    await bench.settle(claims[1], Lost(LossReason.DEAD))
    await bench.clock.advance(LEASE_SECONDS / 3)
    kept = await bench.beat(*claims)
    assert kept == {claim.token for claim in claims[2:]}
    for claim in claims[2:]:
        row = await bench.job(claim.job_id)
        left = row["lease_until"] - await bench.clock.now()
        assert left.total_seconds() == LEASE_SECONDS


async def test_a_heartbeat_without_news_is_no_progress(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("r"))
    await bench.clock.advance(10)
    await bench.beat(claim, done=1, moved=True)
    moved_at = (await bench.job(claim.job_id))["progress_at"]
    await bench.clock.advance(10)
    await bench.beat(claim, done=1, moved=False)
    row = await bench.job(claim.job_id)
    assert row["progress_at"] == moved_at
    assert row["renewals"] == 2


async def test_heartbeats_touch_no_index(bench: Bench) -> None:
    """Each is a heap-only update, so that they neither bloat nor slow the claims."""
    await bench.enqueue(*await bench.realms(10))
    claims = await bench.claim(limit=10)
    connection = await bench.connect()
    await connection.execute("VACUUM jobs")
    before = await updates(connection)
    for step in range(BEATS // len(claims)):
        await bench.beat(*claims, done=step, moved=True, database=connection)
    # Vacuum never ran meanwhile: pages are pruned by the updates themselves.
    after = await updates(connection)
    assert after[0] - before[0] == BEATS
    assert after[1] - before[1] == BEATS, f"of {BEATS} updates {after[1] - before[1]} were HOT"


async def updates(connection: Connection) -> tuple[int, int]:
    """Of the table of jobs: all, and those that are heap-only."""
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    row = await connection.fetchrow(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'jobs'"
    )
    assert row is not None
    return row["n_tup_upd"], row["n_tup_hot_upd"]


async def test_the_heap_of_jobs_stays_small_under_heartbeats(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("r"))
    for step in range(300):
        await bench.beat(claim, done=step, moved=True)
    size = await bench.pool.fetchval("SELECT pg_relation_size('jobs')")
    assert size <= 8 * 8192


async def test_a_report_comes_back_as_it_was_given(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("r"))
    report = {"realm": "ä\N{SNOWMAN}", "numbers": [1, 2.5], "nothing": None}
    decided = store.Settlement(store.JobState.SUCCEEDED, "succeeded")
    await store.settle(bench.pool, claim.job_id, claim.token, decided, report=report)
    assert json.loads((await bench.job(claim.job_id))["report"]) == report


@pytest.mark.parametrize("text", ["\0", "\udcff", "x" * 10**5, "{", "'; DROP TABLE jobs; --"])
async def test_whatever_an_error_says_its_job_can_be_settled(bench: Bench, text: str) -> None:
    claim = await bench.begun(await bench.realm("r"))
    with anyio.fail_after(10):
        assert await bench.settle(claim, Failed(failure_of(ValueError(text)))) == "pending"
