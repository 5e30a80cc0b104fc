"""The clock is the database's, and one that a test can put in its place."""

import re
from importlib.resources import files

import asyncpg
import pytest
from job_bench import LEASE_SECONDS, Bench

from engine.jobs import LossReason, Lost

STATEMENTS = sorted(
    each.name for each in files("engine.jobs").joinpath("queries").iterdir()
)  # fmt: skip

OTHER_CLOCKS = re.compile(
    r"current_timestamp|current_time|clock_timestamp|statement_timestamp|transaction_timestamp"
    r"|localtime|timeofday|pg_catalog\.now|'now'",
    re.IGNORECASE,
)


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_asks_another_clock(name: str) -> None:
    text = files("engine.jobs").joinpath("queries", name).read_text("utf-8")
    assert not OTHER_CLOCKS.search(text)


async def test_the_time_is_never_a_default_where_jobs_are_judged_by_it(bench: Bench) -> None:
    rows = await bench.pool.fetch(
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_default LIKE '%now()%'"
    )
    assert not {"jobs", "attempts", "workers"} & {row["table_name"] for row in rows}


async def test_every_moment_of_a_job_is_of_the_clock_that_is_passed_in(bench: Bench) -> None:
    realm = await bench.realm("r")
    worker = await bench.worker()
    moments: dict[str, object] = {}

    async def tick(name: str) -> None:
        await bench.clock.advance(100)
        moments[name] = await bench.clock.now()

    await tick("enqueued_at")
    (job_id,) = await bench.enqueue(realm)
    await tick("started_at")
    (claim,) = await bench.claim(worker)
    await tick("progress_at")
    assert await bench.beat(claim, moved=True) == {claim.token}
    row = await bench.job(job_id)
    assert (row["lease_until"] - row["progress_at"]).total_seconds() == LEASE_SECONDS
    await tick("finished_at")
    for _ in range(2):
        await bench.settle(claim, Lost(LossReason.DEAD))
        claim = next(iter(await bench.claim(worker)), claim)
    await bench.settle(claim, Lost(LossReason.DEAD))
    row = await bench.job(job_id)
    assert row["state"] == "failed"
    assert row["finished_at"] == moments["finished_at"]
    assert row["enqueued_at"] == moments["enqueued_at"]
    history = await bench.pool.fetch("SELECT * FROM attempts ORDER BY id")
    assert history[0]["started_at"] == moments["started_at"]
    assert {each["finished_at"] for each in history} == {moments["finished_at"]}


async def test_the_clock_of_other_sessions_is_the_servers(bench: Bench) -> None:
    await bench.clock.advance(10**6)
    connection = await asyncpg.connect(bench.dsn)
    try:
        assert await connection.fetchval("SELECT now()") < await bench.clock.now()
    finally:
        await connection.close()
