"""Connections to the database that break, hang and come back under jobs."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from embedding_provider import embedding_provider
from job_checks import (
    ONE_BY_ONE,
    Connection,
    asked,
    assert_right,
    engine_at,
    finished,
    generation,
    outcomes,
    until,
)
from job_gate import Gate
from job_processes import PATIENCE_SECONDS, job_process
from live_trees import write_tree
from pass_checks import REALM, rows_of, version_tree
from tcp_proxy import TcpProxy, Way, proxied

from engine import Work

HEART = b" heart\0"

HEARTS = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name LIKE '% heart' AND datname = current_database()
"""


async def hearts(connection: Connection) -> int:
    count: int = await connection.fetchval(HEARTS)
    return count


async def test_work_is_found_without_a_listener_and_the_listener_comes_back(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        proxied(dsn) as proxy,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(proxy.dsn, tmp_path, poll_seconds=5.0) as worker,
    ):
        await finished(await asked(front, root))
        proxy.cut(saying=HEART)
        write_tree(root, version_tree(1, 3))
        job = await front.index(REALM)
        await finished(job)
        (only,) = await job.attempts()
        assert (only.started_at - job.row.enqueued_at).total_seconds() < 5
        await until(lambda: has_hearts(connection, 1))
        worker.terminate()
        assert await worker.ended() == 0
    await assert_right(dsn, connection, root)


@pytest.mark.long
async def test_a_worker_that_nobody_can_see_claims_nothing_until_it_is_seen_again(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        proxied(dsn) as proxy,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(proxy.dsn, tmp_path) as worker,
        job_process(dsn, tmp_path, work="added"),
    ):
        await finished(await asked(front, root))
        # Its other connections are open all the while.
        proxy.refuse()
        proxy.cut(saying=HEART)
        await until(lambda: has_hearts(connection, 1))
        job = await front.index(REALM)
        # Many polls of the one, and many sweeps of the other.
        await connection.execute("SELECT pg_sleep(1.5)")
        assert (await job.refresh()).row.claims == 0
        proxy.accept()
        await finished(job)
        assert outcomes(await job.attempts()) == ["succeeded"]
        worker.terminate()
        assert await worker.ended() == 0
    await assert_right(dsn, connection, root)


async def has_hearts(connection: Connection, count: int) -> bool:
    return await hearts(connection) == count


async def test_a_worker_behind_a_black_hole_is_replaced_and_then_changes_nothing(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    short: dict[str, Any] = {"lease_seconds": 1.5, **ONE_BY_ONE}
    async with (
        embedding_provider() as first,
        embedding_provider() as second,
        proxied(dsn) as proxy,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(proxy.dsn, tmp_path, provider=first.url, **short) as cut_off,
    ):
        gate = Gate(first, first=3)
        job = await asked(front, root)
        await gate.reached()
        async with job_process(dsn, tmp_path, provider=second.url, **short) as other:
            proxy.freeze()
            await finished(job)
            swapped = await rows_of(connection)
            gate.open()
            proxy.thaw()
            # It stopped itself, whether or not its way to the database was open again.
            await cut_off.says("log", containing="-> stale")
            assert len(first.calls) == 3
            assert outcomes(await job.attempts()) == ["lost", "succeeded"]
            assert await rows_of(connection) == swapped
            assert await generation(connection) == 1
            for worker in (cut_off, other):
                worker.terminate()
                assert await worker.ended() == 0
        await assert_right(dsn, connection, root, provider=second.url)


async def test_a_job_whose_commit_was_not_answered_has_succeeded_once(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        proxied(dsn) as proxy,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(proxy.dsn, tmp_path, acts={"m5.py": "wait"}) as worker,
    ):
        job = await asked(front, root)
        await worker.says("waits")
        trap = proxy.arm(b"widthwise_swapped", lambda: hold_answer_of_commit(proxy))
        worker.tell("go")
        with anyio.fail_after(PATIENCE_SECONDS):
            await trap.sprung()
        # The server has committed, and nobody was told.
        report = await finished(job)
        proxy.cut()
        proxy.thaw()
        await worker.says("log", containing="-> stale")
        assert (report.generation, report.files) == (1, 12)
        assert outcomes(await job.attempts()) == ["succeeded"]
        write_tree(root, version_tree(1, 3))
        assert (await finished(await front.index(REALM))).generation == 2
        worker.terminate()
        assert await worker.ended() == 0
    await assert_right(dsn, connection, root)


def hold_answer_of_commit(proxy: TcpProxy) -> None:
    proxy.arm(b"COMMIT;", lambda: proxy.freeze(Way.TO_CLIENT))


@pytest.mark.long
async def test_a_job_whose_commit_was_lost_runs_again_and_succeeds_once(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        proxied(dsn) as proxy,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(proxy.dsn, tmp_path, acts={"m5.py": "wait"}) as worker,
    ):
        job = await asked(front, root)
        await worker.says("waits")
        trap = proxy.arm(b"widthwise_swapped", lambda: cut_at_commit(proxy))
        worker.tell("go")
        with anyio.fail_after(PATIENCE_SECONDS):
            await trap.sprung()
        report = await finished(job)
        assert (report.generation, report.reused) == (1, 12)
        assert outcomes(await job.attempts()) == ["retry", "succeeded"]
        worker.terminate()
        assert await worker.ended() == 0
    await assert_right(dsn, connection, root)


def cut_at_commit(proxy: TcpProxy) -> None:
    proxy.arm(b"COMMIT;", proxy.cut)
