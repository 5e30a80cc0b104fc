"""The server runs while somebody uses it, whoever dies how. All of it with real processes."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import asyncpg
import pytest
from embedded_holder import (
    Holder,
    is_stopped,
    postmaster_pids,
    reaper_pids,
    server_pid,
    wait_until,
)

from engine.index.embedded import EmbeddedPostgresError, embedded_postgres
from engine.index.embedded.file_lock import FileLock
from engine.index.embedded.layout import Layout


@pytest.fixture
def home(stopped_home: Path) -> Iterator[Path]:
    """Of all tests of this file: each has to leave it stopped, and usable."""
    yield stopped_home
    wait_until(lambda: is_stopped(stopped_home))


async def fetch(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def fetch_once_back(dsn: str, query: str) -> object:
    with anyio.fail_after(30):
        while True:
            try:
                return await fetch(dsn, query)
            except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
                await anyio.sleep(0.01)


async def test_it_stops_when_the_last_of_two_processes_leaves(home: Path) -> None:
    with Holder(home) as first, Holder(home) as second:
        assert first.dsn() == second.dsn()
        first.leave()
        assert len(postmaster_pids(home)) == 1
        second.leave()
        assert is_stopped(home)


async def test_two_uses_in_one_process_share_it(home: Path) -> None:
    async with embedded_postgres(home) as one:
        async with embedded_postgres(home) as other:
            assert one == other
        assert await fetch(one, "SELECT 1") == 1
    assert is_stopped(home)


async def test_what_was_written_is_there_the_next_time(home: Path) -> None:
    async with embedded_postgres(home) as dsn:
        assert await fetch(dsn, "SHOW fsync") == "on"
        await fetch(dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    async with embedded_postgres(home) as dsn:
        assert await fetch(dsn, "SELECT n FROM kept") == 42


def test_six_processes_that_start_at_once_share_one_server(home: Path) -> None:
    holders = [Holder(home) for _ in range(6)]
    try:
        assert len({holder.dsn() for holder in holders}) == 1
        assert len(postmaster_pids(home)) == len(reaper_pids(home)) == 1
    finally:
        for holder in holders:
            holder.kill()


def test_it_stops_when_its_only_user_is_killed(home: Path) -> None:
    with Holder(home) as holder:
        holder.dsn()
        holder.kill()
        wait_until(lambda: is_stopped(home))


def test_an_interrupt_of_the_users_process_group_does_not_reach_it(home: Path) -> None:
    with Holder(home) as starter, Holder(home) as other:
        starter.dsn(), other.dsn()
        servers, reapers = postmaster_pids(home), reaper_pids(home)
        os.killpg(starter.process.pid, signal.SIGINT)
        starter.process.wait(30)  # It leaves in order.
        assert (postmaster_pids(home), reaper_pids(home)) == (servers, reapers)


async def test_a_killed_server_comes_back_at_the_same_dsn_with_its_data(home: Path) -> None:
    async with embedded_postgres(home) as dsn:
        await fetch(dsn, "CREATE TABLE survivors AS SELECT 7 AS n")
        os.kill(server_pid(home), signal.SIGKILL)
        assert await fetch_once_back(dsn, "SELECT n FROM survivors") == 7


async def test_a_server_that_lost_its_reaper_is_taken_over_by_the_next_user(home: Path) -> None:
    async with embedded_postgres(home) as dsn:
        server = server_pid(home)
        kill_reaper(home)
        assert await fetch(dsn, "SELECT 1") == 1
        async with embedded_postgres(home) as next_dsn:
            assert (next_dsn, server_pid(home)) == (dsn, server)
            assert len(reaper_pids(home)) == 1
        assert await fetch(dsn, "SELECT 1") == 1
    assert is_stopped(home)


async def test_a_server_that_lost_its_reaper_stops_when_its_last_user_leaves(home: Path) -> None:
    async with embedded_postgres(home):
        kill_reaper(home)
    assert is_stopped(home)


async def test_when_all_are_killed_the_next_user_starts_over_with_the_data(home: Path) -> None:
    with Holder(home) as holder:
        await fetch(holder.dsn(), "CREATE TABLE remains AS SELECT 3 AS n")
        kill_reaper(home)
        os.kill(server_pid(home), signal.SIGKILL)
        holder.kill()
    async with embedded_postgres(home) as dsn:
        assert await fetch(dsn, "SELECT n FROM remains") == 3


async def test_children_that_outlive_a_user_do_not_hold_the_server(home: Path) -> None:
    with Holder(home, "fork") as holder:
        holder.dsn()
        os.kill(holder.process.pid, signal.SIGKILL)
        try:
            wait_until(lambda: is_stopped(home))
        finally:
            os.killpg(holder.process.pid, signal.SIGKILL)


async def test_the_server_does_not_hold_the_output_of_who_started_it(home: Path) -> None:
    starter = Holder(home)
    starter.dsn()
    async with embedded_postgres(home):
        starter.leave()  # Reads its output to the end.
    starter.kill()


async def test_a_process_that_got_the_servers_old_number_is_let_live(home: Path) -> None:
    data = home / "postgres/data"
    innocent = start_process_of_the_owner(data)
    try:
        pid_file = data / "postmaster.pid"
        pid_file.write_text(f"{innocent.pid}\n{data}\n1\n5432\n/tmp\n\n  1  1\nready   \n")
        async with embedded_postgres(home) as dsn:
            assert await fetch(dsn, "SELECT 1") == 1
            assert server_pid(home) != innocent.pid
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


async def test_who_comes_before_the_reaper_has_noticed_keeps_the_server(home: Path) -> None:
    newcomer = FileLock(Layout(home).users_lock)
    async with embedded_postgres(home) as dsn:
        server = server_pid(home)
        assert newcomer.try_shared()
    # The last user has left; the newcomer is counted, but has not asked for the server yet.
    assert await fetch(dsn, "SELECT 1") == 1
    async with embedded_postgres(home):
        assert server_pid(home) == server
        newcomer.close()


async def test_who_comes_while_the_server_is_being_stopped_gets_a_new_one(home: Path) -> None:
    async with anyio.create_task_group() as leaving:
        with Holder(home) as last:
            last.dsn()
            server = server_pid(home)
            os.kill(server, signal.SIGSTOP)  # The stop that the reaper asks for takes its time.
            last.kill()
        users = FileLock(Layout(home).users_lock)
        wait_until(lambda: not users.try_shared() or users_let_go(users))
        users.close()
        with pytest.raises(EmbeddedPostgresError, match=r"did not answer within 0\.2 s"):
            async with embedded_postgres(home, start_timeout_seconds=0.2):
                pass
        leaving.start_soon(asyncio.to_thread, os.kill, server, signal.SIGCONT)
        async with embedded_postgres(home) as dsn:
            assert await fetch(dsn, "SELECT 1") == 1
            assert server_pid(home) != server


def users_let_go(users: FileLock) -> bool:
    """Gives the lock back so that the reaper can have it; goes on waiting."""
    users.unlock()
    return False


async def test_leaving_a_home_that_was_moved_away_is_no_error(home: Path) -> None:
    async with embedded_postgres(home) as dsn:
        assert await fetch(dsn, "SELECT 1") == 1
        (home / "postgres").rename(home / "elsewhere")
    wait_until(lambda: not postmaster_pids(home))
    (home / "elsewhere").rename(home / "postgres")


def start_process_of_the_owner(data: Path) -> subprocess.Popen[bytes]:
    owner = data.stat()
    how = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    return subprocess.Popen(["sleep", "600"], cwd="/", **how)


def kill_reaper(home: Path) -> None:
    (reaper,) = reaper_pids(home)
    os.kill(reaper, signal.SIGKILL)
    wait_until(lambda: not reaper_pids(home))
