"""Jobs in a process of their own: it is killed, frozen, over its limit, or loses its server."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import anyio.to_thread
import asyncpg
import psutil
import pytest
from live_trees import write_tree

from engine import Engine, Folder, Isolation, Job, JobState, PassFailed, Settings, Work
from engine.index.database import open_database
from engine.supervisor import Supervisor, supervised_workers

PATIENCE_SECONDS = 60
TREE = {"base.py": "def f(): ...\n", "user.py": "from base import f\n\nf()\n"}
SERVER = Path(__file__).with_name("isolated_servers.py")

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def _settings(dsn: str, home: Path, **settings: Any) -> Settings:
    usual = {"isolation": Isolation.PROCESS, "embedder": "hashed", "worker_processes": 1}
    return Settings(dsn=dsn, home=home, **usual | settings)


async def _until(condition: Callable[[], Awaitable[object]]) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - what is awaited is in another process
            await anyio.sleep(0.01)


async def _running(job: Job, *, attempt: int = 1) -> None:
    async def runs() -> bool:
        row = (await job.refresh()).row
        return row.state is JobState.RUNNING and row.attempt == attempt

    await _until(runs)


async def _worker_pid(connection: Connection) -> int:
    return int(
        await connection.fetchval(
            "SELECT pid FROM workers JOIN jobs ON worker_id = workers.id WHERE state = 'running'"
        )
    )


@asynccontextmanager
async def _standstill(connection: Connection) -> AsyncIterator[None]:
    """Passes begin, and then wait: for the entries of their realm."""
    async with connection.transaction():
        await connection.execute("LOCK TABLE entries IN ACCESS EXCLUSIVE MODE")
        yield


async def test_a_killed_process_is_replaced_and_its_job_goes_on(
    dsn: str, root: Path, tmp_path: Path, connection: Connection
) -> None:
    async with Engine.open(_settings(dsn, tmp_path)) as engine:
        realm = await engine.add_realm("r", Folder(write_tree(root, TREE)))
        async with _standstill(connection):
            job = await realm.index()
            await _running(job)
            os.kill(await _worker_pid(connection), signal.SIGKILL)
            await _running(job, attempt=2)
        assert (await job.finished()).files == 2
        (lost, won) = await job.attempts()
    assert lost.outcome == "lost"
    assert lost.error == (
        "worker lost: its process or its connection ended; "
        "the worker process ended: killed by SIGKILL"
    )
    assert (won.outcome, won.number) == ("succeeded", 2)
    # It was not the sweep that took the job: that would have waited for the second worker.
    assert (won.started_at - lost.finished_at).total_seconds() > 0.4


async def test_a_job_over_the_memory_limit_fails_alone_and_says_so(
    dsn: str, root: Path, tmp_path: Path
) -> None:
    # Each file takes a hundred times its size to parse, and there are two at once.
    many = "".join(f"def f{number}(a, b): return [a, {number}, b]\n" for number in range(25_000))
    write_tree(root, {f"m{number}.py": f"# {number}\n{many}" for number in range(60)})
    settings = _settings(dsn, tmp_path, memory_limit_mb=100, worker_processes=2, max_attempts=2)
    async with Engine.open(settings) as engine:
        realm = await engine.add_realm("big", Folder(root))
        small = await engine.add_realm("small", Folder(write_tree(tmp_path / "small", TREE)))
        job = await realm.index()
        with anyio.fail_after(PATIENCE_SECONDS), pytest.raises(PassFailed) as failure:
            await job.finished()
        assert "went over its memory limit; its limit is 100 MiB, and it held" in str(failure.value)
        assert "WIDTHWISE_MEMORY_LIMIT_MB" in str(failure.value)
        assert [attempt.outcome for attempt in await job.attempts()] == ["lost", "lost"]
        # The server has not even noticed, and the next process is there for others.
        with anyio.fail_after(PATIENCE_SECONDS):
            assert (await (await small.index()).finished()).files == 2
        assert await engine.search("f", realm="small")


async def test_a_job_outlives_its_server_and_then_its_process_ends(
    dsn: str, root: Path, tmp_path: Path, connection: Connection
) -> None:
    write_tree(root, TREE)
    async with _watching(dsn, tmp_path) as elsewhere:
        async with _standstill(connection):
            command = [sys.executable, str(SERVER), dsn, str(tmp_path), str(root)]
            async with await anyio.open_process(command, stderr=None) as server:
                assert server.stdout is not None
                job = await elsewhere.job(int(await server.stdout.receive()))
                await _running(job)
                worker = psutil.Process(await _worker_pid(connection))
                server.kill()
                await server.wait()
            assert (await job.refresh()).state is JobState.RUNNING
        assert (await job.finished()).files == 2
        assert [attempt.number for attempt in await job.attempts()] == [1]
    assert await anyio.to_thread.run_sync(psutil.wait_procs, [worker], PATIENCE_SECONDS)
    assert not worker.is_running()


async def test_a_frozen_process_that_lost_its_job_is_replaced(
    dsn: str, root: Path, tmp_path: Path, connection: Connection
) -> None:
    settings = _settings(dsn, tmp_path, stall_seconds=1.5, sweep_seconds=0.3)
    write_tree(root, TREE)
    async with Engine.open(settings) as engine:
        realm = await engine.add_realm("r", Folder(root))
        await (await realm.index()).finished()
    async with (
        open_database(dsn=dsn, home=tmp_path) as database,
        supervised_workers(database, settings, deaf_pings=1) as supervisor,
        _watching(dsn, tmp_path) as engine,
    ):
        async with _standstill(connection):
            job = await engine.index("r", from_scratch=True)
            await _running(job)
            frozen = supervisor.pid
            assert frozen == await _worker_pid(connection)
            os.kill(frozen, signal.SIGSTOP)
            # Another process has to come, because this one can't be told that it lost the job.
            await _running(job, attempt=2)
            assert frozen != await _worker_pid(connection)
            assert not psutil.pid_exists(frozen)
        await job.finished()
        (lost, *_) = await job.attempts()
    assert str(lost.error).startswith("stalled")


async def test_a_drained_process_finishes_its_job_and_has_no_successor(
    dsn: str, root: Path, tmp_path: Path, connection: Connection
) -> None:
    write_tree(root, TREE)
    async with (
        open_database(dsn=dsn, home=tmp_path) as database,
        _watching(dsn, tmp_path) as engine,
    ):
        supervisor = Supervisor(database, _settings(dsn, tmp_path), deaf_pings=10)
        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as tasks, _standstill(connection):
                tasks.start_soon(supervisor.keep_forever)
                job = await (await engine.add_realm("r", Folder(root))).index()
                await _running(job)
                supervisor.drain()
        assert (await job.refresh()).state is JobState.SUCCEEDED
        assert [attempt.outcome for attempt in await job.attempts()] == ["succeeded"]
    assert supervisor.pid is None


def _watching(dsn: str, home: Path) -> AbstractAsyncContextManager[Engine]:
    return Engine.open(_settings(dsn, home), work=Work.NONE)


async def test_closing_gives_back_and_leaves_no_process(
    dsn: str, root: Path, tmp_path: Path, connection: Connection
) -> None:
    # Enough files for parser workers.
    write_tree(root, {f"m{number}.py": "def f(): ...\n" for number in range(200)})
    # Those of other tests, which may go on.
    others = set(psutil.Process().children(recursive=True))
    async with Engine.open(_settings(dsn, tmp_path)) as engine:
        realm = await engine.add_realm("r", Folder(root))
        await engine.search("f")
        job = await realm.index()
        await _running(job)
        ours = list({*psutil.Process().children(recursive=True)} - others)
        worker = await _worker_pid(connection)
        assert worker in {process.pid for process in ours}
        ours += await _parsers(psutil.Process(worker))
    assert [process for process in ours if process.is_running()] == []
    row = await connection.fetchrow("SELECT state, attempt, worker_id FROM jobs")
    assert row is not None
    if row["state"] == "pending":
        assert row["attempt"] == 0
    else:
        assert row["state"] == "succeeded"
    assert await connection.fetchval("SELECT count(*) FROM workers") == 0


async def _parsers(worker: psutil.Process) -> list[psutil.Process]:
    found: list[psutil.Process] = []

    async def started() -> bool:
        found[:] = worker.children()
        return bool(found)

    await _until(started)
    return found
