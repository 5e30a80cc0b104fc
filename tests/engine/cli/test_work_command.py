"""`widthwise work` as a process manager meets it: told by signals, heard by its exit code."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import anyio
import anyio.to_thread
import asyncpg
import pytest
import pytest_asyncio
from live_trees import write_tree

from engine import Engine, Folder, Job, JobState, Settings, Work

PATIENCE_SECONDS = 60

Worker: TypeAlias = "subprocess.Popen[str]"
StartWorker = Callable[..., Worker]


@pytest.fixture
def start_worker(dsn: str, tmp_path: Path) -> Iterator[StartWorker]:
    """Starts `widthwise work` on the test's database; whatever is left of it is killed."""
    workers: list[Worker] = []
    environment = os.environ | {
        "WIDTHWISE_HOME": str(tmp_path / "home"),
        "WIDTHWISE_EMBEDDER": "hashed",
    }

    def start(*arguments: str, dsn: str = dsn) -> Worker:
        program = "from engine.cli import main; main()"
        worker = subprocess.Popen(
            [sys.executable, "-c", program, "work", *arguments],
            env=environment | {"WIDTHWISE_DSN": dsn}, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        with worker:
            worker.kill()


@pytest_asyncio.fixture
async def engine(dsn: str, tmp_path: Path) -> AsyncIterator[Engine]:
    """Asks for passes and runs none."""
    settings = Settings(dsn=dsn, home=tmp_path, embedder="hashed")
    async with Engine.open(settings, work=Work.NONE) as engine:
        yield engine


async def _job(engine: Engine, name: str, root: Path) -> Job:
    write_tree(root, {"a.py": "def f(): ...\n"})
    return await (await engine.add_realm(name, Folder(root))).index()


@asynccontextmanager
async def _standstill(dsn: str) -> AsyncIterator[None]:
    """Passes begin, and then wait: for the entries of their realm."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("BEGIN; LOCK TABLE entries IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        await connection.close()


async def _reaches(job: Job, state: JobState) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while (await job.refresh()).state is not state:  # noqa: ASYNC110 - it is in another process
            await anyio.sleep(0.01)


async def _exit_code(worker: Worker) -> int:
    return await anyio.to_thread.run_sync(worker.wait, PATIENCE_SECONDS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_is_told_to_stop_gives_its_job_back_at_once(
    dsn: str, tmp_path: Path, engine: Engine, start_worker: StartWorker, number: signal.Signals
) -> None:
    async with _standstill(dsn):
        first = start_worker()
        job = await _job(engine, "r", tmp_path / "tree")
        await _reaches(job, JobState.RUNNING)
        start_worker()
        await _workers(dsn, 2)
        first.send_signal(number)
        with anyio.fail_after(10):
            assert await _exit_code(first) == 0
    assert (await job.finished()).files == 1
    released, succeeded = await job.attempts()
    assert (released.outcome, succeeded.outcome) == ("released", "succeeded")
    assert (await job.refresh()).row.attempt == 1
    assert (succeeded.started_at - released.finished_at).total_seconds() < 1


async def test_a_worker_that_is_drained_finishes_its_job_and_begins_no_other(
    dsn: str, tmp_path: Path, engine: Engine, start_worker: StartWorker
) -> None:
    async with _standstill(dsn):
        worker = start_worker("--jobs", "1")
        job = await _job(engine, "r", tmp_path / "tree")
        await _reaches(job, JobState.RUNNING)
        waiting = await _job(engine, "other", tmp_path / "other")
        worker.send_signal(signal.SIGUSR1)
    assert (await job.finished()).files == 1
    assert await _exit_code(worker) == 0
    assert [attempt.outcome for attempt in await job.attempts()] == ["succeeded"]
    assert (await waiting.refresh()).state is JobState.PENDING
    assert (await waiting.attempts(), waiting.row.claims) == ([], 0)


async def test_so_many_jobs_run_at_once(
    dsn: str, tmp_path: Path, engine: Engine, start_worker: StartWorker
) -> None:
    async with _standstill(dsn):
        start_worker("--jobs", "2")
        for name in ("one", "two"):
            await _reaches(await _job(engine, name, tmp_path / name), JobState.RUNNING)
        third = await _job(engine, "three", tmp_path / "three")
        assert (await third.refresh()).state is JobState.PENDING
    assert (await third.finished()).files == 1


async def test_a_worker_without_a_database_is_one_line_and_exit_code_1(
    start_worker: StartWorker,
) -> None:
    worker = start_worker(dsn="postgresql://user:hunter2@127.0.0.1:1/nowhere")
    _, error = await anyio.to_thread.run_sync(worker.communicate)
    assert worker.returncode == 1
    assert error.startswith("widthwise: cannot open the database: ")
    assert error.count("\n") == 1
    assert "hunter2" not in error


async def _workers(dsn: str, count: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        with anyio.fail_after(PATIENCE_SECONDS):
            while await connection.fetchval("SELECT count(*) FROM workers") < count:  # noqa: ASYNC110 - as above
                await anyio.sleep(0.01)
    finally:
        await connection.close()
