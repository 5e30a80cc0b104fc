"""Starts that are cut short, and homes that cannot serve: a clear line, and nothing half."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import asyncpg
import pytest
from embedded_holder import (
    Holder,
    copy_cluster,
    is_stopped,
    reaper_pids,
    wait_until,
)

from engine.index.embedded import EmbeddedPostgresError, binaries, embedded_postgres
from engine.index.embedded.layout import Layout

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    wait_until(lambda: is_stopped(tmp_path / "home"))


@pytest.fixture
def mounted(home: Path) -> Iterator[Path]:
    """A home on a file system of its own, too small for a cluster."""
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(home)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield home
    wait_until(lambda: not reaper_pids(home))
    subprocess.run(["umount", str(home)], check=True)


@pytest.fixture
def made_home(home: Path, stopped_home: Path) -> Path:
    copy_cluster(stopped_home, home)
    return home


def initdb_is_at_work(home: Path) -> bool:
    return any((path / "base").exists() for path in Layout(home).unfinished())


async def test_a_cancelled_start_leaves_nothing_running_and_nothing_half(home: Path) -> None:
    async def start() -> None:
        async with embedded_postgres(home):
            raise AssertionError("cancelled before")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(start)
        await anyio.to_thread.run_sync(wait_until, lambda: initdb_is_at_work(home))
        tasks.cancel_scope.cancel()
    wait_until(lambda: is_stopped(home))
    assert Layout(home).unfinished() == []
    assert not Layout(home).serving.exists()
    async with embedded_postgres(home) as dsn:
        await (await asyncpg.connect(dsn)).close()


async def test_half_a_cluster_is_cleared_away_when_its_maker_was_killed(home: Path) -> None:
    with Holder(home) as holder:
        wait_until(lambda: initdb_is_at_work(home))
        for reaper in reaper_pids(home):
            os.kill(reaper, signal.SIGKILL)
        assert "the reaper died" in holder.error()
    assert not Layout(home).data.exists()
    async with embedded_postgres(home) as dsn:
        await (await asyncpg.connect(dsn)).close()
    assert Layout(home).unfinished() == []


async def test_a_start_that_takes_too_long_says_so_and_is_given_up(home: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"did not answer within 0\.01 s: see"):
        async with embedded_postgres(home, start_timeout_seconds=0.01):
            pass


async def test_a_cluster_of_another_major_version_is_refused(home: Path) -> None:
    data = Layout(home).data
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedPostgresError, match="made by Postgres 15, installed is 1"):
        async with embedded_postgres(home):
            pass


async def test_a_folder_that_is_no_cluster_is_refused(home: Path) -> None:
    Layout(home).data.mkdir(parents=True)
    with pytest.raises(EmbeddedPostgresError, match="is no Postgres cluster"):
        async with embedded_postgres(home):
            pass


async def test_a_cluster_that_cannot_start_is_explained_by_its_log(made_home: Path) -> None:
    shutil.rmtree(Layout(made_home).data / "pg_wal")
    with pytest.raises(EmbeddedPostgresError, match=r"server\.log: .*FATAL: .*pg_wal"):
        async with embedded_postgres(made_home):
            pass


async def test_a_server_that_somebody_started_by_hand_is_left_alone(made_home: Path) -> None:
    data = Layout(made_home).data
    by_hand = await anyio.open_process(["sleep", "600"], cwd=data)
    (data / "postmaster.pid").write_text(f"{by_hand.pid}\n{data}\n")
    with pytest.raises(EmbeddedPostgresError, match=f"process {by_hand.pid}, .* serves it"):
        async with embedded_postgres(made_home):
            pass
    by_hand.kill()
    await by_hand.aclose()


async def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    async with await anyio.open_file(tmp_path / "file", "w"):
        pass
    with pytest.raises(EmbeddedPostgresError, match=r"file: .* set WIDTHWISE_HOME"):
        async with embedded_postgres(tmp_path / "file"):
            pass


@as_root
async def test_a_full_disk_is_told_in_a_line(mounted: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"[^\n]*No space left on device[^\n]*\Z"):
        async with embedded_postgres(mounted):
            pass
    assert Layout(mounted).unfinished() == []


@as_root
async def test_a_read_only_home_is_told_in_a_line(mounted: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)  # noqa: ASYNC221
    with pytest.raises(EmbeddedPostgresError, match=r"[^\n]*Read-only file system[^\n]*\Z"):
        async with embedded_postgres(mounted):
            pass


async def test_a_copied_home_does_not_lead_to_the_server_of_the_original(made_home: Path) -> None:
    async with embedded_postgres(made_home):
        copy = Layout(made_home.with_name("copy"))
        copy.data.mkdir(parents=True)
        shutil.copy(Layout(made_home).serving, copy.serving)
        assert json.loads(copy.serving.read_text())["socket_folder"]
        assert copy.announced() is None
        assert Layout(made_home).announced() is not None


def test_a_cpu_without_avx2_is_known_before_it_meets_an_illegal_instruction() -> None:
    old = frozenset({"sse2", "avx", "fma"})
    assert binaries.missing_flags("x86_64", old) == {"avx2", "bmi2"}
    assert binaries.missing_flags("x86_64", old | {"avx2", "bmi2"}) == frozenset()
    assert binaries.missing_flags("x86_64", frozenset()) == frozenset()
    assert binaries.missing_flags("aarch64", frozenset({"asimd"})) == frozenset()


def test_the_installed_binaries_are_found_without_importing_their_package() -> None:
    assert (binaries.find_binaries() / "bin" / "postgres").is_file()
