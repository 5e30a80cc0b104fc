"""Many requests and many workers at once: no pass too many, no claim twice."""

from pathlib import Path

import pytest
from embedding_provider import embedding_provider
from job_checks import (
    ONE_BY_ONE,
    Connection,
    assert_right,
    engine_at,
    finished,
    until,
)
from job_gate import Gate
from job_processes import JobProcess, job_process
from live_trees import write_tree
from pass_checks import REALM, rows_of, version_tree

from engine import Folder, Work


async def ids_told_to(workers: list[JobProcess], times: int) -> set[int]:
    """Each process asks so many times, all at once."""
    for worker in workers:
        worker.tell("index", REALM, times)
    told = [await worker.says("indexed") for worker in workers]
    for worker in workers:
        worker.heard = [what for what in worker.heard if what["event"] != "indexed"]
    ids = [job_id for each in told for job_id in each["ids"]]
    assert len(ids) == times * len(workers)
    return set(ids)


async def test_fifty_requests_at_once_from_two_processes_are_one_job_and_later_ones_its_follow_up(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        embedding_provider() as provider,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(dsn, tmp_path, provider=provider.url, **ONE_BY_ONE) as one,
        job_process(dsn, tmp_path, provider=provider.url, **ONE_BY_ONE) as two,
    ):
        gate = Gate(provider, first=2, last=2)
        write_tree(root, version_tree(0, 12))
        await front.add_realm(REALM, Folder(root))
        # None of them is claimed before the last has come.
        await front.pause(REALM)
        (first,) = await ids_told_to([one, two], 25)
        await front.resume(REALM)
        await gate.reached()
        write_tree(root, {"late.py": "def late() -> None: ...\n"})
        (second,) = await ids_told_to([one, two], 5)
        assert second != first
        gate.open()
        await finished(await front.job(first))
        report = await finished(await front.job(second))
        assert report.files == 13
        assert "late.py" in await rows_of(connection)
        assert len(await front.jobs()) == 2
        assert len(provider.texts) == len(set(provider.texts))
        for worker in (one, two):
            worker.terminate()
            assert await worker.ended() == 0
        await assert_right(dsn, connection, root, provider=provider.url)


@pytest.mark.long
async def test_two_hundred_jobs_are_each_claimed_once_by_eight_workers_in_two_processes(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    write_tree(root, {"a.txt": "the same in all realms"})
    async with engine_at(dsn, tmp_path, work=Work.NONE) as front:
        for number in range(200):
            await front.add_realm(f"r{number}", Folder(root))
            await front.index(f"r{number}")
        async with (
            job_process(dsn, tmp_path, workers=4),
            job_process(dsn, tmp_path, workers=4),
        ):
            await until(lambda: all_succeeded(connection), within_seconds=120)
        claims = await connection.fetch(
            "SELECT outcome, number, count(*), count(DISTINCT job_id) AS jobs FROM attempts"
            " GROUP BY outcome, number"
        )
        assert [tuple(row) for row in claims] == [("succeeded", 1, 200, 200)]
        shares = await connection.fetch("SELECT count(*) FROM attempts GROUP BY worker_id")
        assert len(shares) == 2
        assert await connection.fetchval("SELECT sum(generation) FROM realms") == 200


async def all_succeeded(connection: Connection) -> bool:
    return not await connection.fetchval("SELECT count(*) FROM jobs WHERE state <> 'succeeded'")
