"""Workers that are killed, die of their job, or are asked to stop: no job is lost or stuck."""

from pathlib import Path
from typing import Any

import anyio
from embedding_provider import embedding_provider
from job_checks import (
    ONE_BY_ONE,
    Connection,
    asked,
    assert_right,
    ended,
    engine_at,
    finished,
    outcomes,
    until,
    vectors_stored,
)
from job_gate import Gate
from job_processes import job_process

from engine import Work

# Whoever waits for it to end waits in vain.
LONG: dict[str, Any] = {"lease_seconds": 600.0}


async def at_least(connection: Connection, vectors: int) -> bool:
    return await vectors_stored(connection) >= vectors


async def test_a_killed_worker_is_replaced_at_once_and_what_it_paid_for_is_not_paid_again(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        embedding_provider() as first,
        embedding_provider() as second,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(dsn, tmp_path, provider=first.url, **LONG, **ONE_BY_ONE) as victim,
    ):
        gate = Gate(first, first=3)
        job = await asked(front, root)
        await gate.reached()
        await until(lambda: at_least(connection, 8))
        async with job_process(dsn, tmp_path, provider=second.url, **LONG, **ONE_BY_ONE) as other:
            victim.kill()
            killed_at = await connection.fetchval("SELECT clock_timestamp()")
            await finished(job)
            lost, good = await job.attempts()
            assert (good.started_at - killed_at).total_seconds() < 2
            assert (lost.outcome, good.outcome, good.number) == ("lost", "succeeded", 2)
            assert "worker lost" in (lost.error or "")
            paid = {text for call in first.answered for text in call.texts}
            assert len(paid) == 8
            assert not paid & set(second.texts)
            assert len(second.texts) == len(set(second.texts))
            other.kill()
            await other.ended()
        await assert_right(dsn, connection, root, provider=second.url)


async def test_a_job_that_kills_its_process_each_time_ends_failed(
    dsn: str, root: Path, tmp_path: Path
) -> None:
    async with engine_at(dsn, tmp_path, work=Work.NONE) as front:
        job = await asked(front, root)
        for _ in range(3):
            async with job_process(dsn, tmp_path, acts={"m5.py": "exit"}) as worker:
                assert await worker.ended() == 1
        async with job_process(dsn, tmp_path, acts={"m5.py": "exit"}) as worker:
            await ended(job)
            worker.terminate()
            assert await worker.ended() == 0
        assert job.state == "failed"
        assert job.row.attempt == 3
        assert "worker lost" in (job.error or "")
        assert outcomes(await job.attempts()) == ["lost"] * 3


async def test_a_stopped_worker_gives_its_job_back_uncharged_and_another_takes_it(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(dsn, tmp_path, acts={"m5.py": "wait"}, **LONG) as leaving,
    ):
        job = await asked(front, root)
        await leaving.says("waits")
        async with job_process(dsn, tmp_path, **LONG) as other:
            leaving.terminate()
            told_at = anyio.current_time()
            assert await leaving.ended() == 0
            assert anyio.current_time() - told_at < 10
            await finished(job)
            released, good = await job.attempts()
            assert (released.outcome, good.outcome) == ("released", "succeeded")
            assert (good.started_at - released.finished_at).total_seconds() < 1
            assert job.row.attempt == 1
            other.kill()
            await other.ended()
        await assert_right(dsn, connection, root)
