"""Worker processes that die, hang and are given up."""

import os
from pathlib import Path

import anyio
import pytest
import work_for_executors as work

from engine.errors import WorkerDied
from engine.executors import Processes, worker_processes


async def _outcomes(executor: Processes, function: object, count: int) -> dict[int, object]:
    outcomes: dict[int, object] = {}

    async def one(number: int) -> None:
        try:
            outcomes[number] = await executor.run(function, number)  # type: ignore[arg-type]
        except WorkerDied as error:
            outcomes[number] = error

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(one, number)
    return outcomes


async def test_an_item_that_kills_its_worker_takes_no_other_along() -> None:
    async with worker_processes(2, batch=8) as executor:
        outcomes = await _outcomes(executor, work.die_at_seven, 40)
    culprit = outcomes.pop(7)
    assert isinstance(culprit, WorkerDied)
    assert "ended with 3" in str(culprit)
    assert outcomes == {number: number for number in range(40) if number != 7}


async def test_an_item_that_hangs_is_ended_at_its_deadline() -> None:
    async with worker_processes(1, batch=1, deadline_seconds=0.5) as executor:
        outcomes = await _outcomes(executor, work.hang_at_seven, 9)
    assert isinstance(outcomes.pop(7), WorkerDied)
    assert outcomes == {number: number for number in range(9) if number != 7}


async def test_workers_end_with_the_block() -> None:
    async with worker_processes(1) as executor:
        worker = await executor.run(work.pid, 0)
        assert worker != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


async def test_an_error_that_does_not_survive_the_way_back_keeps_its_text() -> None:
    async with worker_processes(1) as executor:
        with pytest.raises(RuntimeError, match="Stubborn: stubborn"):
            await executor.run(work.refuse_stubbornly, 0)


async def test_queued_calls_share_round_trips() -> None:
    async with worker_processes(1, batch=32) as executor:
        await _outcomes(executor, work.square, 320)
        statistics = executor.statistics()
    assert statistics.calls == 320
    assert statistics.batches <= 11


async def test_every_worker_works(tmp_path: Path) -> None:
    """Two calls that wait for each other end only if they run at the same time."""
    places = str(tmp_path / "a"), str(tmp_path / "b")
    met: list[bool] = []

    async def one(own: str, other: str) -> None:
        met.append(await executor.run(work.meet, (own, other)))

    async with worker_processes(2) as executor:
        await anyio.wait_all_tasks_blocked()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one, *places)
            tasks.start_soon(one, *reversed(places))
    assert met == [True, True]
