"""What a supervisor decides, and how it bears a worker process that can't even start."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from engine import Settings
from engine.index.database import open_database
from engine.jobs import LossReason, Lost
from engine.memory import MIB
from engine.orders import Orders
from engine.supervisor import Death, loss_by, next_pause_seconds, supervised_workers
from engine.worker_child import started_child


@pytest.mark.parametrize(
    ("death", "reason", "words"),
    [
        (Death(-9), LossReason.DEAD, "killed by SIGKILL"),
        (Death(-11), LossReason.DEAD, "killed by SIGSEGV"),
        (Death(1), LossReason.DEAD, "exit code 1"),
        (Death(-9, held_bytes=75 * MIB), LossReason.MEMORY, "its limit is 60 MiB"),
        (Death(-9, held_bytes=75 * MIB), LossReason.MEMORY, "it held 75 MiB"),
    ],
)
def test_the_jobs_of_a_dead_process_are_told_what_it_died_of(
    death: Death, reason: LossReason, words: str
) -> None:
    loss = loss_by(death, limit=60 * MIB)
    assert isinstance(loss, Lost)
    assert loss.reason is reason
    assert words in loss.detail


def test_pauses_double_to_a_minute_and_a_good_life_ends_them() -> None:
    pauses = [0.0]
    for _ in range(9):
        pauses.append(next_pause_seconds(pauses[-1], lived_seconds=1.0))
    assert pauses[1:] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert next_pause_seconds(60.0, lived_seconds=60.0) == 0.5


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An interpreter that can't run; the file gets a line with each start."""
    broken, starts = tmp_path / "python", tmp_path / "starts"
    broken.write_text(f"#!/bin/sh\necho >> {starts}\necho no module named engine >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    return starts


async def _until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - a log sets no event
            await anyio.sleep(0.01)


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


async def test_a_process_that_cannot_start_is_tried_seldom_and_said_why(
    dsn: str, starts: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        open_database(dsn=dsn, home=Path()) as database,
        supervised_workers(database, Settings(dsn=dsn)),
    ):
        await _until(lambda: "in 1 s" in caplog.text)
        assert _lines(starts) == 2
    deaths = [record.getMessage() for record in caplog.records if "ended" in record.getMessage()]
    assert deaths == ["the worker process ended: exit code 3\nno module named engine"] * 2
    pauses = [
        record.getMessage() for record in caplog.records if "starts in" in record.getMessage()
    ]
    assert pauses == [f"another worker process starts in {pause} s" for pause in ("0.5", "1")]


async def test_an_interpreter_that_is_not_there_is_survived(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    async with (
        open_database(dsn=dsn, home=tmp_path) as database,
        supervised_workers(database, Settings(dsn=dsn)),
    ):
        await _until(lambda: "in 0.5 s" in caplog.text)
    assert "can't be started" in caplog.text


async def test_what_a_worker_process_logs_is_logged_here(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "widthwise")
    settings = Settings(dsn=dsn, embedder="hashed")
    async with started_child(Orders(settings, uuid4(), logging.INFO)) as child:
        with anyio.fail_after(30):
            while not child.pings:
                with anyio.move_on_after(0.1):
                    await child.ended()
    (record,) = [each for each in caplog.records if "SIGTERM" in each.getMessage()]
    assert (record.levelno, record.name) == (logging.INFO, "widthwise.worker_process")
    assert child.returncode == 0


async def test_an_error_of_the_worker_process_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    secret = "postgresql://user:hunter2@127.0.0.1:1/nowhere"
    async with started_child(Orders(Settings(dsn=secret), uuid4(), logging.INFO)) as child:
        with anyio.fail_after(30):
            await child.ended()
    (line,) = child.last_lines
    assert line.startswith("DatabaseUnavailable: cannot open the database: ")
    assert child.returncode == 1
    assert "hunter2" not in line + caplog.text
