"""Cancelled at any of its suspensions, a pass leaves no task, no process and no trace."""

import asyncio
import contextlib
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest
from incremental_laboratory import cancel_here, nothing_runs_here, opened, runs_here
from live_trees import write_tree
from loop_suspensions import Suspensions
from pass_checks import REALM, recovered, rows_of, version_tree

from engine import Engine, Folder, JobState, PassFailed

PATIENCE_SECONDS = 30.0
"""What a test waits for takes no time; this only turns a standstill into a failure."""


def spread(total: int, points: int) -> list[int]:
    return sorted({total * point // points for point in range(points)})


async def only_these_tasks_run(expected: "set[asyncio.Task[Any]]") -> None:
    """The driver tells the server of a cancelled statement in a task of its own."""
    with anyio.fail_after(PATIENCE_SECONDS):
        while {task for task in asyncio.all_tasks() if not task.done()} - expected:
            await anyio.lowlevel.checkpoint()


async def cancelled_at_points(
    engine: Engine,
    connection: "asyncpg.Connection[asyncpg.Record]",
    root: Path,
    *,
    files: int,
    points: int,
) -> dict[str, int]:
    """A pass cancelled at each of so many of its suspensions; counts what became of them."""
    suspensions = Suspensions(asyncio.get_running_loop())
    counting, cancel = partial(runs_here, engine), partial(cancel_here, engine)
    write_tree(root, version_tree(0, files))
    await engine.add_realm(REALM, Folder(root))
    await (await engine.index(REALM)).finished()
    write_tree(root, version_tree(1, files))
    await nothing_runs_here(engine)
    with suspensions.acting(lambda: None, at=-1, counting=counting):
        await (await engine.index(REALM)).finished()
    counts = {"suspensions": suspensions.count, "cancelled": 0, "behind the swap": 0, "ended": 0}
    for number, at in enumerate(spread(suspensions.count, points), 2):
        write_tree(root, version_tree(number, files))
        await nothing_runs_here(engine)
        before, tasks = await rows_of(connection), asyncio.all_tasks()
        with suspensions.acting(cancel, at=at, counting=counting):
            job = await engine.index(REALM)
            with contextlib.suppress(PassFailed):
                await job.finished()
        await only_these_tasks_run(tasks)
        after = await rows_of(connection)
        if job.state is JobState.SUCCEEDED:
            counts["ended"] += 1
        else:
            assert job.state is JobState.CANCELLED, job.error
            counts["cancelled" if after == before else "behind the swap"] += 1
        await recovered(connection, engine, root)
    return counts


async def test_a_cancelled_pass_leaves_no_task_and_the_next_one_is_right(
    dsn: str, connection: "asyncpg.Connection[asyncpg.Record]", root: Path
) -> None:
    async with opened(dsn, root.parent) as engine:
        counts = await cancelled_at_points(engine, connection, root, files=5, points=20)
    assert counts["cancelled"] >= 15, counts


async def test_a_cancelled_pass_ends_its_worker_processes(
    dsn: str, connection: "asyncpg.Connection[asyncpg.Record]", root: Path
) -> None:
    async with opened(dsn, root.parent) as engine:
        counts = await cancelled_at_points(engine, connection, root, files=14, points=4)
    assert counts["cancelled"] >= 3, counts
    assert children() == []


@pytest.mark.long
@pytest.mark.parametrize("files", [5, 14])
async def test_a_pass_can_be_cancelled_at_every_suspension(
    dsn: str,
    connection: "asyncpg.Connection[asyncpg.Record]",
    root: Path,
    files: int,
    record_testsuite_property: Any,
) -> None:
    async with opened(dsn, root.parent) as engine:
        counts = await cancelled_at_points(engine, connection, root, files=files, points=100_000)
    assert counts["cancelled"] >= 50, counts
    record_testsuite_property(f"cancellations of {files} files", counts)


async def test_a_cancelled_pass_has_never_swapped(
    dsn: str, connection: "asyncpg.Connection[asyncpg.Record]", root: Path
) -> None:
    async with opened(dsn, root.parent) as engine:
        counts = await cancelled_at_points(engine, connection, root, files=2, points=40)
    assert counts["behind the swap"] == 0, counts
    assert counts["cancelled"] >= 25, counts


def children() -> list[str]:
    """Worker processes that this process has not ended."""
    found = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
    pids = [pid for line in found for pid in line.split()]
    return [pid for pid in pids if b"engine.executors" in Path(f"/proc/{pid}/cmdline").read_bytes()]
