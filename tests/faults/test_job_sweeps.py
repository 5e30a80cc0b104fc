"""Sweeps: they take what is lost, once, and nothing else; and without workers nothing spins."""

from pathlib import Path

import anyio
import pytest
from job_checks import (
    Connection,
    asked,
    assert_right,
    engine_at,
    finished,
    in_state,
    outcomes,
)
from job_processes import PATIENCE_SECONDS, job_process
from tcp_proxy import proxied

from engine import Engine, Work


@pytest.mark.long
async def test_a_second_replica_leaves_the_live_job_of_the_first_alone(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(dsn, tmp_path, acts={"m5.py": "wait"}) as first,
    ):
        job = await asked(front, root)
        await first.says("waits")
        async with job_process(dsn, tmp_path, sweep_seconds=0.05) as second:
            # Many sweeps, at its start and after it.
            await connection.execute("SELECT pg_sleep(1)")
            assert (await job.refresh()).state == "running"
            first.tell("go")
            await finished(job)
            assert outcomes(await job.attempts()) == ["succeeded"]
            for worker in (first, second):
                worker.terminate()
                assert await worker.ended() == 0
        await assert_right(dsn, connection, root)


async def test_of_sweeps_at_once_one_takes_a_lost_job(dsn: str, root: Path, tmp_path: Path) -> None:
    async with (
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        engine_at(dsn, tmp_path, work=Work.NONE) as other,
        job_process(dsn, tmp_path, acts={"m5.py": "wait"}) as victim,
    ):
        job = await asked(front, root)
        await victim.says("waits")
        victim.kill()
        await victim.ended()
        taken: list[int] = []

        async def sweep(engine: Engine) -> None:
            taken.append(await engine.sweep())

        with anyio.fail_after(PATIENCE_SECONDS):
            while not sum(taken):
                async with anyio.create_task_group() as tasks:
                    for engine in (front, other, front, other):
                        tasks.start_soon(sweep, engine)
        assert sum(taken) == 1
        await in_state(job, "pending")
        assert outcomes(await job.attempts()) == ["lost"]


@pytest.mark.long
async def test_jobs_that_nobody_can_run_wait_and_nothing_spins(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        proxied(dsn) as proxy,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(proxy.dsn, tmp_path, poll_seconds=5.0, sweep_seconds=30.0) as idle,
    ):
        job = await asked(front, root)
        await finished(job)
        await front.pause("r")
        waiting = await front.index("r")
        # What the request itself set off is over by then.
        await connection.execute("SELECT pg_sleep(0.5)")
        before = proxy.statistics()
        await connection.execute("SELECT pg_sleep(2)")
        after = proxy.statistics()
        # A poll and a heartbeat at most; a loop would send as much in a hundredth of the time.
        assert after.to_server_bytes - before.to_server_bytes < 10_000
        assert (await waiting.refresh()).state == "pending"
        idle.terminate()
        assert await idle.ended() == 0
