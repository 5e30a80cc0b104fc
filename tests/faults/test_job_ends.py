"""Jobs that somebody ends: cancelled ones, and those whose realm is deleted under them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from embedding_provider import Provider, embedding_provider
from job_checks import (
    ONE_BY_ONE,
    Connection,
    asked,
    assert_right,
    engine_at,
    finished,
    outcomes,
)
from job_gate import Gate
from job_processes import JobProcess, job_process
from live_trees import write_tree
from pass_checks import REALM, rows_of, version_tree

from engine import Engine, Folder, Job, Work

OF_REALMS = ("entries", "chunks", "working_entries", "definitions", "passes")


@dataclass
class UnderWay:
    """The second pass over a realm, which runs in a process and stands before a call."""

    front: Engine
    worker: JobProcess
    provider: Provider
    gate: Gate
    job: Job

    async def has_stopped(self, home: Path) -> Job:
        """Until its worker, which runs one job at once, has run another; returns that."""
        root = write_tree(home / "other", {"a.txt": "of another realm"})
        await self.front.add_realm("other", Folder(root))
        other = await self.front.index("other")
        await finished(other)
        return other


@asynccontextmanager
async def under_way(dsn: str, root: Path) -> AsyncIterator[UnderWay]:
    async with (
        embedding_provider() as provider,
        engine_at(dsn, root.parent, work=Work.NONE) as front,
        job_process(dsn, root.parent, provider=provider.url, **ONE_BY_ONE) as worker,
    ):
        await finished(await asked(front, root, files=4))
        write_tree(root, version_tree(1, 12))
        second = len(provider.calls) + 2
        gate = Gate(provider, first=second, last=second)
        job = await front.index(REALM)
        await gate.reached()
        yield UnderWay(front, worker, provider, gate, job)


async def test_a_realm_that_is_deleted_under_its_job_is_gone_and_stays_gone(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with under_way(dsn, root) as it:
        await it.front.delete_realm(REALM)
        assert (await it.job.refresh()).state == "cancelled"
        await it.has_stopped(tmp_path)
        it.gate.open()
        calls = it.provider.calls
        # The call that was held, and that of the other realm.
        assert calls[-1].texts == ("of another realm",)
        assert len(calls) == it.gate.first + 1
        await it.front.delete_realm("other")
        it.worker.terminate()
        assert await it.worker.ended() == 0
        left = {
            table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in OF_REALMS
        }
        assert left == dict.fromkeys(OF_REALMS, 0)
        assert outcomes(await it.job.attempts()) == ["cancelled"]


async def test_a_waiting_job_is_cancelled_at_once(dsn: str, root: Path, tmp_path: Path) -> None:
    async with engine_at(dsn, tmp_path, work=Work.NONE) as front:
        job = await (await asked(front, root)).cancel()
        assert job.state == "cancelled"
        assert await job.attempts() == []


async def test_a_cancelled_pass_stops_within_a_second_and_leaves_the_live_index_alone(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with under_way(dsn, root) as it:
        before = await rows_of(connection)
        await it.job.cancel()
        assert it.job.state == "cancelled"
        other = await it.has_stopped(tmp_path)
        (cancelled,), (next_one,) = await it.job.attempts(), await other.attempts()
        assert cancelled.outcome == "cancelled"
        assert (next_one.started_at - cancelled.finished_at).total_seconds() < 1
        assert len(it.provider.calls) == it.gate.first + 1
        it.gate.open()
        assert await rows_of(connection) == before
        report = await finished(await it.front.index(REALM))
        # What the held call would have brought, and what came after it.
        assert 0 < report.texts_embedded < 24
        it.worker.terminate()
        await it.worker.ended()
        await assert_right(dsn, connection, root, provider=it.provider.url)
