"""What there is no room for goes elsewhere, and no more than that."""

import os
from collections import Counter
from pathlib import Path

import anyio
import pytest
import work_for_executors as work

from engine.executors import Overflow, Threads, worker_processes


async def test_of_many_at_once_as_many_run_here_as_there_is_room_for(tmp_path: Path) -> None:
    places = str(tmp_path / "here"), str(tmp_path / "there")
    ran: Counter[bool] = Counter()

    async def one(number: int) -> None:
        ran[await executor.run(work.pid, number) == os.getpid()] += 1

    async def held() -> None:
        assert await executor.run(work.meet, places)

    async with worker_processes(1) as processes:
        executor = Overflow(Threads(limit=1), processes, room=1)
        with anyio.fail_after(60):
            await one(0)
            assert ran == {True: 1}
            async with anyio.create_task_group() as tasks:
                # Holds the room until one that came later has run elsewhere.
                tasks.start_soon(held)
                await anyio.wait_all_tasks_blocked()
                await one(1)
                assert await executor.run(work.meet, places[::-1])
            assert ran == {True: 1, False: 1}
            await one(2)
    assert ran == {True: 2, False: 1}


async def test_what_fails_leaves_its_room() -> None:
    async with worker_processes(1) as processes:
        executor = Overflow(Threads(limit=1), processes, room=1)
        with pytest.raises(ValueError, match="no 3"):
            await executor.run(work.refuse, 3)
        assert await executor.run(work.pid, 0) == os.getpid()
