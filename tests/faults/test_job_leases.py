"""Renewals: long passes keep their leases, and a lease that can't be kept is given up in time."""

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
    ended,
    engine_at,
    finished,
    outcomes,
    until,
    vectors_stored,
)
from job_gate import Gate
from job_processes import PATIENCE_SECONDS, job_process
from tcp_proxy import proxied

from engine import Job, Work

# By its name is the connection known that renews leases.
HEART = b" heart\0"


async def renewals(job: Job) -> int:
    return (await job.refresh()).row.renewals


async def renewed(job: Job, times: int) -> None:
    before = await renewals(job)

    async def is_so() -> bool:
        return await renewals(job) >= before + times

    await until(is_so)


async def test_a_pass_of_many_lease_lengths_keeps_its_lease_even_while_it_blocks_its_loop(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    lease = 0.6
    acts = {f"m{n}.py": ["sleep", lease] for n in range(6)} | {"m6.py": ["block", 2 * lease]}
    async with (
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(dsn, tmp_path, acts=acts, lease_seconds=lease) as worker,
        job_process(dsn, tmp_path, lease_seconds=lease, work="added"),
    ):
        # Under ten files are visited one after the other.
        job = await asked(front, root, files=7)
        report = await finished(job)
        (only,) = await job.attempts()
        assert report.seconds > 8 * lease
        assert (only.outcome, only.number) == ("succeeded", 1)
        assert only.renewals >= 3
        worker.kill()
        await worker.ended()
        await assert_right(dsn, connection, root)


@pytest.mark.long
async def test_a_renewal_that_fails_once_costs_nothing(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        embedding_provider() as provider,
        proxied(dsn) as proxy,
        engine_at(proxy.dsn, tmp_path, provider=provider.url, lease_seconds=3.0) as engine,
    ):
        held = Gate(provider)
        job = await asked(engine, root)
        await held.reached()
        for _ in range(2):
            await renewed(job, 1)
            proxy.cut(saying=HEART)
            await renewed(job, 2)
        held.open()
        await finished(job)
        assert outcomes(await job.attempts()) == ["succeeded"]
    await assert_right(dsn, connection, root, provider=provider.url)


async def test_a_job_whose_lease_cannot_be_renewed_stops_itself_before_that_is_over(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    once: dict[str, Any] = {"lease_seconds": 2.0, "max_attempts": 1, **ONE_BY_ONE}
    async with (
        embedding_provider() as provider,
        proxied(dsn) as proxy,
        engine_at(proxy.dsn, tmp_path, provider=provider.url, **once) as engine,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
    ):
        held = Gate(provider)
        job = await front.job((await asked(engine, root)).id)
        await held.reached()
        await renewed(job, 1)
        # Of all its connections only the heart's; and it gets no other.
        proxy.freeze(saying=HEART)
        proxy.refuse()
        over_at = await connection.fetchval("SELECT lease_until FROM jobs WHERE id = $1", job.id)
        await ended(job)
        calls, stored = len(provider.calls), await vectors_stored(connection)
        held.open()
        proxy.thaw()
        proxy.accept()
        (only,) = await job.attempts()
        assert only.finished_at < over_at
        assert (job.state, job.error) == ("failed", only.error)
        assert "lease" in (job.error or "")
        assert (len(provider.calls), await vectors_stored(connection)) == (calls, stored)
        await finished(await front.index("r"))
    await assert_right(dsn, connection, root, provider=provider.url)


@pytest.mark.long
async def test_a_job_without_progress_is_tried_again_however_well_its_worker_is(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    patient: dict[str, Any] = {"lease_seconds": 600.0, "stall_seconds": 1.0}
    async with (
        embedding_provider() as stuck,
        embedding_provider() as good,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(dsn, tmp_path, provider=stuck.url, **patient) as first,
    ):
        held = Gate(stuck, last=1)
        job = await asked(front, root)
        await held.reached()
        async with job_process(dsn, tmp_path, provider=good.url, **patient) as other:
            # Which of the two has it next is up to chance: both can work again.
            await finished(job)
            await first.says("log", containing="-> stale")
            lost, success = await job.attempts()
            assert (lost.outcome, success.outcome) == ("lost", "succeeded")
            assert (lost.error or "").startswith("stalled")
            for worker in (first, other):
                worker.terminate()
                assert await worker.ended() == 0
        held.open()
        await assert_right(dsn, connection, root, provider=good.url)


@pytest.mark.long
async def test_heartbeats_that_fail_now_and_then_fail_no_job_and_take_no_progress_back(
    dsn: str, root: Path, tmp_path: Path
) -> None:
    acts: dict[str, Any] = {f"m{n}.py": ["sleep", 0.5] for n in range(7)}
    async with (
        proxied(dsn) as proxy,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(proxy.dsn, tmp_path, acts=acts),
    ):
        job = await asked(front, root, files=7)
        seen: list[tuple[int, int]] = []
        while not job.state.is_end:
            proxy.cut(saying=HEART)
            with anyio.move_on_after(0.8):
                await read_progress(job, seen)
        assert outcomes(await job.attempts()) == ["succeeded"]
        assert seen == sorted(seen)
        assert len({done for done, _ in seen}) > 2


async def read_progress(job: Job, seen: list[tuple[int, int]]) -> None:
    while not (await job.refresh()).state.is_end:
        if job.state == "running":
            seen.append((job.progress.done, job.progress.total))
        await anyio.sleep(0.02)


@pytest.mark.long
async def test_the_clocks_of_workers_decide_nothing(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    hour = 3600.0
    async with (
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(dsn, tmp_path, acts={"m5.py": "wait"}, skew_seconds=hour) as ahead,
    ):
        job = await asked(front, root)
        await ahead.says("waits")
        async with job_process(dsn, tmp_path, skew_seconds=-hour) as behind:
            await renewed(job, 3)
            ahead.tell("go")
            await finished(job)
            assert outcomes(await job.attempts()) == ["succeeded"]
            ahead.kill()
            await ahead.ended()
            with anyio.fail_after(PATIENCE_SECONDS):
                report = await finished(await front.index("r"))
            assert report.visited == 0
            behind.kill()
            await behind.ended()
        await assert_right(dsn, connection, root)
