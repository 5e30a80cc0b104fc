"""Workers that stand still for longer than their lease: whatever they do after it is refused."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from embedding_provider import embedding_provider
from faulty_parts import FaultyEmbedder
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
from job_processes import PATIENCE_SECONDS, JobProcess, job_process
from live_trees import write_tree
from pass_checks import REALM, rows_of, version_tree
from pass_oracle import left_behind
from tcp_proxy import proxied

from engine import Engine, JobState, Work
from engine.jobs import Worker

SHORT: dict[str, Any] = {"lease_seconds": 1.0} | ONE_BY_ONE


async def heard_of_its_loss(worker: JobProcess) -> None:
    """The frozen attempt has come to its end, and its end changed nothing."""
    await worker.says("log", containing="-> stale")


@pytest.mark.parametrize(
    "deaf", [pytest.param(False, id="hears", marks=pytest.mark.long), pytest.param(True, id="deaf")]
)
async def test_a_worker_that_was_frozen_past_its_lease_can_write_nothing_more(
    dsn: str, connection: Connection, root: Path, tmp_path: Path, deaf: bool
) -> None:
    async with (
        embedding_provider() as first,
        embedding_provider() as second,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(dsn, tmp_path, provider=first.url, deaf=deaf, **SHORT) as zombie,
    ):
        gate = Gate(first, first=3)
        job = await asked(front, root)
        await gate.reached()
        async with job_process(dsn, tmp_path, provider=second.url, **SHORT) as other:
            zombie.freeze()
            await finished(job)
            swapped = await rows_of(connection)
            gate.open()
            zombie.go_on()
            await heard_of_its_loss(zombie)
            # The one call that was under way, and perhaps the next within a heartbeat.
            assert len(first.calls) <= 4
            assert first.in_flight == 0
            assert outcomes(await job.attempts()) == ["lost", "succeeded"]
            assert await rows_of(connection) == swapped
            assert await left_behind(connection) == (0, 0, 0)
            assert await generation(connection) == 1
            other.terminate()
            await other.ended()
        await it_works_again(front, root)
        zombie.terminate()
        await zombie.ended()
        await assert_right(dsn, connection, root, provider=second.url)


async def it_works_again(front: Engine, root: Path) -> None:
    write_tree(root, version_tree(1, 3))
    report = await finished(await front.index(REALM))
    assert report.visited >= 3


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(b"COPY", id="storing", marks=pytest.mark.long),
        pytest.param(b"UPDATE realms", id="swapping"),
    ],
)
async def test_a_worker_that_was_frozen_inside_a_transaction_holds_up_nobody_for_long(
    dsn: str, connection: Connection, root: Path, tmp_path: Path, words: bytes
) -> None:
    async with (
        proxied(dsn) as proxy,
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(proxy.dsn, tmp_path, acts={"m5.py": "wait"}, **SHORT) as zombie,
    ):
        job = await asked(front, root)
        await zombie.says("waits")
        trap = proxy.arm(words, zombie.freeze)
        zombie.tell("go")
        with anyio.fail_after(PATIENCE_SECONDS):
            await trap.sprung()
        async with job_process(dsn, tmp_path, **SHORT) as other:
            await finished(job)
            swapped = await rows_of(connection)
            zombie.go_on()
            await heard_of_its_loss(zombie)
            assert outcomes(await job.attempts()) == ["lost", "succeeded"]
            assert await rows_of(connection) == swapped
            assert await generation(connection) == 1
            zombie.terminate()
            other.terminate()
            await zombie.ended()
            await other.ended()
        await assert_right(dsn, connection, root)


async def test_a_stalled_pass_that_its_own_process_runs_again_can_write_nothing_more(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    embedder = FaultyEmbedder()
    released, held = anyio.Event(), anyio.Event()

    async def hold_the_first() -> None:
        if not held.is_set():
            held.set()
            # It does not even hear that it is cancelled.
            with anyio.CancelScope(shield=True):
                await released.wait()

    embedder.before = hold_the_first
    once: dict[str, Any] = {"workers": 2, "stall_seconds": 1.0, "embedder": embedder}
    async with engine_at(dsn, tmp_path, **once, **ONE_BY_ONE) as engine:
        job = await asked(engine, root)
        await finished(job)
        lost, good = await job.attempts()
        assert (lost.outcome, good.outcome) == ("lost", "succeeded")
        assert (lost.error or "").startswith("stalled")
        assert lost.worker_id == good.worker_id
        swapped = await rows_of(connection)
        assert running_in(engine) == {job.id}
        released.set()
        await until(partial(nothing_runs, lambda: running_in(engine)))
        assert (await job.refresh()).state is JobState.SUCCEEDED
        assert len(await job.attempts()) == 2
        assert await rows_of(connection) == swapped
    await assert_right(dsn, connection, root, embedder=embedder)


def running_in(engine: Engine) -> frozenset[int]:
    assert isinstance(engine._worker, Worker)
    return engine._worker.running


async def nothing_runs(running: Callable[[], frozenset[int]]) -> bool:
    return not running()
