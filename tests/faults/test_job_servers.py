"""A database that restarts, is away, is slow or full: workers outlive it, jobs end well."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest
from embedding_provider import Provider, embedding_provider
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
from job_processes import job_process
from live_trees import write_tree
from own_postgres import fill_disk, own_postgres, small_disk
from pass_checks import REALM, rows_of, version_tree
from tcp_proxy import proxied

from engine import Work

OWN: dict[str, Any] = {"max_attempts": 10, **ONE_BY_ONE}
"""A server that is away for long may cost more than the usual three."""


@asynccontextmanager
async def two_workers(dsn: str, home: Path, provider: Provider) -> AsyncIterator[None]:
    """Both are there at the end, and stop when they are told to."""
    async with (
        job_process(dsn, home, provider=provider.url, **OWN) as one,
        job_process(dsn, home, provider=provider.url, **OWN) as two,
    ):
        yield
        for worker in (one, two):
            worker.terminate()
            assert await worker.ended() == 0


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def outlived(home: Path, *, killed: bool, away_seconds: float = 0.0) -> None:
    """A pass whose database goes in the middle, and comes back."""
    root = home / "tree"
    async with own_postgres(home / "own") as server, embedding_provider() as provider:
        async with (
            engine_at(server.dsn, home, work=Work.NONE, max_attempts=10) as front,
            two_workers(server.dsn, home, provider),
        ):
            gate = Gate(provider, first=3, last=3)
            job = await asked(front, root)
            await gate.reached()
            await (server.kill() if killed else server.stop())
            gate.open()
            # Nothing to wait for happens while it is away: that is the fault.
            await anyio.sleep(away_seconds)
            await server.start()
            report = await finished(job)
            assert (report.generation, report.files) == (1, 12)
            assert outcomes(await job.attempts()).count("succeeded") == 1
            write_tree(root, version_tree(1, 3))
            assert (await finished(await front.index(REALM))).generation == 2
        async with connected(server.dsn) as connection:
            await assert_right(server.dsn, connection, root, provider=provider.url)


@pytest.mark.long
async def test_a_pass_outlives_a_kill_of_the_database(tmp_path: Path) -> None:
    await outlived(tmp_path, killed=True)


@pytest.mark.long
async def test_a_pass_outlives_a_restart_of_the_database(tmp_path: Path) -> None:
    await outlived(tmp_path, killed=False)


@pytest.mark.long
async def test_workers_outlive_a_database_that_is_away_for_eight_seconds(tmp_path: Path) -> None:
    await outlived(tmp_path, killed=True, away_seconds=8)


@pytest.mark.long
async def test_a_slow_database_slows_a_job_and_does_not_break_it(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        proxied(dsn) as proxy,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(proxy.dsn, tmp_path, lease_seconds=6.0) as worker,
    ):
        proxy.delay(0.1)
        job = await asked(front, root)
        report = await finished(job)
        assert outcomes(await job.attempts()) == ["succeeded"]
        assert report.seconds > 0.5
        proxy.delay(0)
        worker.terminate()
        assert await worker.ended() == 0
    await assert_right(dsn, connection, root)


@pytest.mark.long
async def test_a_full_disk_fails_a_pass_for_now_and_leaves_the_old_index(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    with small_disk(tmp_path / "disk", mebibytes=160) as disk:
        options = {"max_wal_size": "32MB", "min_wal_size": "32MB"}
        async with (
            own_postgres(tmp_path / "own", data=disk / "data", options=options) as server,
            engine_at(server.dsn, tmp_path, work=Work.NONE, max_attempts=100) as front,
            job_process(server.dsn, tmp_path, max_attempts=100, backoff_seconds=0.5) as worker,
            connected(server.dsn) as connection,
        ):
            await finished(await asked(front, root))
            before = await rows_of(connection)
            ballast = fill_disk(disk)
            bulk = {f"bulk{n}.md": f"# {n}\n\n" + f"word{n} " * 20_000 for n in range(12)}
            write_tree(root, bulk)
            job = await front.index(REALM)

            async def has_failed_once() -> bool:
                return (await job.refresh()).row.error is not None

            await until(has_failed_once)
            assert "No space" in (job.error or "")
            assert not job.state.is_end
            assert await rows_of(connection) == before
            ballast.unlink()
            await finished(job)
            assert await generation(connection) == 2
            worker.terminate()
            assert await worker.ended() == 0
            await assert_right(server.dsn, connection, root)
