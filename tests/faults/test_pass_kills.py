"""Kill -9 of an indexing process at any moment: readers see whole generations, nothing is lost."""

import json
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import asyncpg
import pytest
from anyio.abc import Process
from live_trees import write_tree
from pass_checks import recovered, rows_of, version_tree, versions_seen
from pass_oracle import left_behind

from engine import Engine, Folder, Isolation, JobState, Settings

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

FILES = 150
BOOT = "from engine.cli import main; main()"
AT_FIRST_VISITS = float("inf")
PATIENCE_SECONDS = 120.0
"""No pass here takes that long; this only turns a standstill into a failure."""


class Watcher:
    """A reader that looks at the live index all the while, on a connection of its own."""

    def __init__(self, realm: str) -> None:
        self.realm = realm
        self.looks: Counter[tuple[int, ...]] = Counter()
        self.partial = 0

    async def watch(self, dsn: str, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        connection = await asyncpg.connect(dsn)
        task_status.started()
        try:
            while True:
                versions, files = await versions_seen(connection, self.realm)
                self.looks[versions] += 1
                self.partial += files != FILES
        finally:
            with anyio.CancelScope(shield=True):
                await connection.close()

    @property
    def mixed(self) -> list[tuple[int, ...]]:
        return [versions for versions in self.looks if len(versions) != 1]


@asynccontextmanager
async def indexing(root: Path, environment: Mapping[str, str]) -> AsyncIterator[Process]:
    command = [sys.executable, "-c", BOOT, "index", str(root), "--json"]
    async with await anyio.open_process(command, env=environment) as process:
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()


async def report_of(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    assert process.stderr is not None
    said = b"".join([part async for part in process.stdout])
    errors = b"".join([part async for part in process.stderr])
    assert await process.wait() == 0, errors.decode()
    report: dict[str, Any] = json.loads(said)
    return report


@pytest.fixture
def environment(dsn: str, tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "WIDTHWISE_DSN": dsn,
        "WIDTHWISE_HOME": str(tmp_path / "home"),
        "WIDTHWISE_EMBEDDER": "hashed",
        "WIDTHWISE_WORKER_PROCESSES": "1",
        # A job that is killed again and again is begun again each time.
        "WIDTHWISE_MAX_ATTEMPTS": "1000",
    }


@asynccontextmanager
async def opened(dsn: str, root: Path) -> AsyncIterator[Engine]:
    """An engine that takes up what the killed processes left, as soon as it is open."""
    settings = Settings(
        home=root.parent,
        dsn=dsn,
        embedder="hashed",
        worker_processes=1,
        isolation=Isolation.INLINE,
    )
    async with Engine.open(settings) as engine:
        await engine.add_realm(str(root), Folder(root))
        yield engine


async def killed_at_random(
    dsn: str,
    connection: Connection,
    root: Path,
    environment: Mapping[str, str],
    *,
    kills: int,
) -> Counter[str]:
    """A new version of all files, a pass, and its end at a random moment, so many times."""
    realm, counts = str(root), Counter[str]()
    watcher = Watcher(realm)
    write_tree(root, version_tree(0, FILES))
    async with opened(dsn, root) as engine:
        await recovered(connection, engine, root, realm)
    async with anyio.create_task_group() as tasks:
        usual = await seconds_of_a_pass(connection, root, environment)
        await tasks.start(watcher.watch, dsn)
        for number in range(1, kills + 1):
            (live,), _ = await versions_seen(connection, realm)
            write_tree(root, version_tree(number, FILES))
            # Between the first visits that are stored and the swap lies a moment that
            # chance seldom finds.
            moment = random.choice([usual * 1.2 * random.random(), AT_FIRST_VISITS])
            counts[await killed(connection, root, environment, after_seconds=moment)] += 1
            (now,), files = await versions_seen(connection, realm)
            assert (now in {live, number}, files) == (True, FILES)
            counts["killed behind the swap"] += now == number
            counts["kills that left visits"] += (await left_behind(connection))[0] > 0
            if number == kills or random.random() < 0.5:
                reused = await taken_up(dsn, connection, root)
                counts["recoveries"] += 1
                counts["recoveries that reused visits"] += reused > 0
                counts["reused visits"] += reused
        tasks.cancel_scope.cancel()
    counts["looks"] = watcher.looks.total()
    counts["mixed generations"] = len(watcher.mixed) + watcher.partial
    return counts


async def taken_up(dsn: str, connection: Connection, root: Path) -> int:
    """Let the jobs that were left end; returns the visits that their passes had not to make."""
    async with opened(dsn, root) as engine:
        left = await engine.jobs(states=[JobState.RUNNING, JobState.PENDING])
        with anyio.fail_after(PATIENCE_SECONDS):
            reports = [await job.finished() for job in left]
            # Nobody has asked again: the jobs that were left have done all that was to do.
            assert (await recovered(connection, engine, root, str(root))).visited == 0
    return sum(report.reused for report in reports)


async def seconds_of_a_pass(
    connection: Connection, root: Path, environment: Mapping[str, str]
) -> float:
    """From the moment when its row of history is there."""
    write_tree(root, version_tree(10_000, FILES))
    before = await passes_begun(connection)
    async with indexing(root, environment) as process:
        await begun(connection, before)
        started = anyio.current_time()
        await report_of(process)
    return anyio.current_time() - started


async def passes_begun(connection: Connection) -> int:
    return int(await connection.fetchval("SELECT coalesce(max(id), 0) FROM passes"))


async def begun(connection: Connection, before: int) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while await passes_begun(connection) == before:
            pass


async def visits_stored(connection: Connection, process: Process) -> None:
    while process.returncode is None and (await left_behind(connection))[0] == 0:
        pass


async def killed(
    connection: Connection, root: Path, environment: Mapping[str, str], *, after_seconds: float
) -> str:
    """Start a pass, let it run that long, and see it and its workers end."""
    before = await passes_begun(connection)
    async with indexing(root, environment) as process:
        await begun(connection, before)
        with anyio.move_on_after(after_seconds):
            if after_seconds == AT_FIRST_VISITS:
                await visits_stored(connection, process)
            else:
                await process.wait()
        if process.returncode is not None:
            assert process.returncode == 0
            return "ended before"
        workers = [os.pidfd_open(pid) for pid in workers_of(process.pid)]
        process.kill()
        await process.wait()
        with anyio.fail_after(PATIENCE_SECONDS):
            for worker in workers:
                await anyio.wait_readable(worker)
                os.close(worker)
    return "killed with workers" if workers else "killed"


def workers_of(pid: int) -> list[int]:
    found = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for line in found for child in line.split()]


async def test_a_killed_pass_shows_nothing_and_leaves_nothing(
    dsn: str,
    connection: Connection,
    root: Path,
    environment: dict[str, str],
) -> None:
    counts = await killed_at_random(dsn, connection, root, environment, kills=4)
    assert counts["mixed generations"] == 0, counts
    assert counts["looks"] > 4, counts


@pytest.mark.long
async def test_hundreds_of_killed_passes_show_nothing_and_leave_nothing(
    dsn: str,
    connection: Connection,
    root: Path,
    environment: dict[str, str],
    record_testsuite_property: Any,
) -> None:
    counts = await killed_at_random(dsn, connection, root, environment, kills=200)
    record_testsuite_property("kills", dict(counts))
    assert counts["mixed generations"] == 0, counts
    assert counts["killed with workers"] > 100, counts
    assert counts["recoveries that reused visits"] > 10, counts


async def test_two_processes_that_index_at_once_both_end_well(
    dsn: str,
    connection: Connection,
    root: Path,
    environment: dict[str, str],
) -> None:
    write_tree(root, version_tree(0, 40))
    reports: list[dict[str, Any]] = []

    async def index() -> None:
        async with indexing(root, environment) as process:
            reports.append(await report_of(process))

    for number in (1, 2):
        write_tree(root, version_tree(number, 40))
        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(index)
                tasks.start_soon(index)
        # Whoever comes second joins the job if it waits, or else has the one that follows it.
        assert {report["generation"] for report in reports[-2:]} == {number}
        assert {report["visited"] for report in reports[-2:]} in ({40}, {0, 40})
    made = await connection.fetch("SELECT report ->> 'visited' FROM passes ORDER BY id")
    assert [row[0] for row in made if row[0] != "0"] == ["40", "40"]
    async with opened(dsn, root) as engine:
        before = await rows_of(connection, str(root))
        report = await recovered(connection, engine, root, str(root))
    assert report.visited == 0
    assert len(before) == 40
