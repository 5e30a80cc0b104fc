"""Workers and schedulers of a Dask cluster that die or freeze while they visit files."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import visitors_for_clusters as visitors
from live_trees import live_rows, write_tree
from visited_trees import layered_tree

from benchmarks.dask_cluster import Cluster, dask_cluster
from engine import Engine, FailureKind, Folder, Isolation, Job, Settings

pytestmark = pytest.mark.long
pytest.importorskip("distributed", reason="the extra `dask` is not installed")

# A frozen worker is given up after this; by default it takes five minutes.
QUICK = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "3s"}


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    monkeypatch.setenv(visitors.NOTES, str(folder))
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = layered_tree(tmp_path / "tree")
    return write_tree(
        tree, {"held.py": "from layer0.part1 import work_0_1\n\nVALUE = work_0_1(1)\n"}
    )


@pytest.fixture
def start(dsn: str, notes: Path) -> Callable[..., Any]:
    @contextmanager
    def started(workers: int, **options: Any) -> Iterator[Cluster]:
        told = {"WIDTHWISE_DSN": dsn, "WIDTHWISE_EMBEDDER": "hashed", visitors.NOTES: str(notes)}
        with dask_cluster(workers, environment={**QUICK, **told}, **options) as cluster:
            yield cluster

    return started


@asynccontextmanager
async def _engine(
    dsn: str, home: Path, cluster: Cluster | None, **options: Any
) -> AsyncIterator[Engine]:
    visitor = options.pop("visitor", visitors.Held)()
    usual = {"embedder": "hashed", "worker_processes": 1, "max_attempts": 1, "poll_seconds": 0.2}
    executor = cluster.address.replace("tcp://", "dask://") if cluster else ""
    settings = Settings(
        home=home, dsn=dsn, isolation=Isolation.INLINE, executor=executor, **usual | options
    )
    async with Engine.open(settings, visitor=visitor) as engine:
        yield engine


async def _rows_visited_here(
    dsn: str, home: Path, tree: Path, **options: Any
) -> list[dict[str, Any]]:
    async with _engine(dsn, home, None, **options) as engine:
        realm = await engine.add_realm("fresh", Folder(tree))
        await (await realm.index()).finished()
    return await live_rows(dsn, "fresh")


async def _held(notes: Path, *, count: int) -> list[int]:
    """The processes that have come to the file that is held, once there are so many."""
    while len(found := _lines(notes / "held")) < count:  # noqa: ASYNC110 - another process writes
        await anyio.sleep(0.02)
    return [int(pid) for pid in found]


async def _until(job: Job, is_so: Callable[[], bool]) -> None:
    while not is_so():
        await anyio.sleep(0.05)
        await job.refresh()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def test_a_worker_that_is_killed_in_a_visit_loses_nothing(
    start: Callable[..., Any], dsn: str, notes: Path, tmp_path: Path, tree: Path
) -> None:
    (notes / "hold").touch()
    with start(2) as cluster:
        async with _engine(dsn, tmp_path, cluster) as engine:
            realm = await engine.add_realm("killed", Folder(tree))
            job = await realm.index()
            with anyio.fail_after(60):
                (victim,) = await _held(notes, count=1)
                os.kill(victim, signal.SIGKILL)
                first, second = await _held(notes, count=2)
                (notes / "hold").unlink()
                report = await job.finished()
    assert first != second
    assert report.errors == 1
    assert await live_rows(dsn, "killed") == await _rows_visited_here(dsn, tmp_path, tree)


async def test_a_worker_that_is_cut_off_and_comes_back_writes_nothing_twice(
    start: Callable[..., Any], dsn: str, notes: Path, tmp_path: Path, tree: Path
) -> None:
    """Both runs of the visit end, the first one after it was given up."""
    (notes / "hold").touch()
    with start(2) as cluster:
        async with _engine(dsn, tmp_path, cluster) as engine:
            realm = await engine.add_realm("frozen", Folder(tree))
            job = await realm.index()
            with anyio.fail_after(60):
                (frozen,) = await _held(notes, count=1)
                os.kill(frozen, signal.SIGSTOP)
                await _held(notes, count=2)
                (notes / "hold").unlink()
                os.kill(frozen, signal.SIGCONT)
                await job.finished()
    assert await live_rows(dsn, "frozen") == await _rows_visited_here(dsn, tmp_path, tree)


async def test_a_file_that_kills_its_worker_becomes_an_error_entry(
    start: Callable[..., Any], dsn: str, notes: Path, tmp_path: Path, tree: Path
) -> None:
    """Twice with others, for one failure is allowed, and twice alone: the cluster goes on."""
    write_tree(tree, {"poison.py": "VALUE = 1\n"})
    with start(2, nanny=True) as cluster:
        async with _engine(dsn, tmp_path, cluster, visitor=visitors.Poisoned) as engine:
            realm = await engine.add_realm("poisoned", Folder(tree))
            with anyio.fail_after(120):
                report = await (await realm.index()).finished()
        rows = {row["key"]: row for row in await live_rows(dsn, "poisoned")}
        assert "WorkerDied" in rows["poison.py"]["error"]
        assert sum(row["error"] is not None for row in rows.values()) == report.errors == 2
        assert len(_lines(notes / "deaths")) <= 4
        (tree / "poison.py").unlink()
        async with _engine(dsn, tmp_path, cluster) as engine:
            realm = await engine.add_realm("after", Folder(tree))
            with anyio.fail_after(60):
                await (await realm.index()).finished()
    assert await live_rows(dsn, "after") == await _rows_visited_here(dsn, tmp_path, tree)


async def test_a_scheduler_that_dies_costs_an_attempt(
    start: Callable[..., Any], dsn: str, notes: Path, tmp_path: Path, tree: Path
) -> None:
    (notes / "hold").touch()
    with start(2) as cluster:
        async with _engine(dsn, tmp_path, cluster, max_attempts=2) as engine:
            realm = await engine.add_realm("headless", Folder(tree))
            job = await realm.index()
            with anyio.fail_after(60):
                await _held(notes, count=1)
                cluster.scheduler.kill()
                await _until(job, lambda: job.row.is_retrying)
    assert job.error_kind is FailureKind.TRANSIENT
    assert "cluster" in str(job.error)
    assert await live_rows(dsn, "headless") == []


async def test_a_cluster_that_is_not_there_costs_an_attempt(
    dsn: str, notes: Path, tmp_path: Path, tree: Path
) -> None:
    settings = Settings(
        home=tmp_path, dsn=dsn, isolation=Isolation.INLINE, embedder="hashed", max_attempts=1,
        executor="dask://127.0.0.1:9",
    )  # fmt: skip
    async with Engine.open(settings) as engine:
        job = await (await engine.add_realm("nobody", Folder(tree))).index()
        with anyio.fail_after(60):
            await _until(job, lambda: job.state.is_end)
    assert job.error_kind is FailureKind.TRANSIENT
    assert "no Dask scheduler" in str(job.error)


async def test_workers_that_would_make_other_entries_make_none(
    start: Callable[..., Any], dsn: str, notes: Path, tmp_path: Path, tree: Path
) -> None:
    with start(1) as cluster:
        async with _engine(dsn, tmp_path, cluster, chunk_chars=500) as engine:
            job = await (await engine.add_realm("other", Folder(tree))).index()
            with anyio.fail_after(60):
                await _until(job, lambda: job.state.is_end)
    assert "other settings" in str(job.error)
    assert await live_rows(dsn, "other") == []
