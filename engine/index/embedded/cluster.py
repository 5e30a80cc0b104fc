"""The database cluster on disk: make it, check it, start a server on it. Runs in the reaper.

Everything here needs the server lock, so that nobody else works on the data.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from engine.index.embedded import settings, wire
from engine.index.embedded.account import Account, as_account, client_names, server_account
from engine.index.embedded.failure import ELSEWHERE, EmbeddedPostgresError
from engine.index.embedded.file_lock import FileLock
from engine.index.embedded.layout import DATABASE, PORT, Layout

INITDB_SECONDS = 300
ANSWER_SECONDS = 5
POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Cluster:
    """One home's data, and the programs and the account to run a server on it."""

    layout: Layout
    binaries: Path
    account: Account | None
    major: int

    @classmethod
    def of(cls, layout: Layout, binaries: Path) -> "Cluster":
        return cls(layout, binaries, server_account(layout.data), _major(binaries))


def prepare(cluster: Cluster, lock: FileLock) -> None:
    """Leaves a complete cluster without traces of a server that is gone."""
    layout = cluster.layout
    for unfinished in layout.unfinished():
        shutil.rmtree(unfinished)
    if not layout.data.exists():
        _create(cluster, lock)
    _require_same_major(cluster)
    _remove_stale_pid(layout)
    layout.write(layout.hba, settings.hba_lines(), mode=0o644)
    layout.write(layout.ident, settings.ident_lines(client_names()), mode=0o644)


def start(cluster: Cluster, lock: FileLock, socket_folder: Path) -> subprocess.Popen[bytes]:
    """A server whose processes all hold the server lock, so that their death is certain."""
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (socket_folder / name).unlink(missing_ok=True)
    arguments = settings.server_arguments(
        cluster.major, cluster.layout, socket_folder, shared_memory_bytes=_shared_memory_bytes()
    )
    command = _command(cluster, "postgres", arguments, reach=[cluster.layout.data, socket_folder])
    with cluster.layout.open_log() as log:
        return subprocess.Popen(  # noqa: S603 - our own binary
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
            pass_fds=[lock.fileno()],
        )  # fmt: skip


def await_answer(server: subprocess.Popen[bytes], socket_folder: Path, log: Path, *,
                 log_start: int, deadline: float) -> None:  # fmt: skip
    """Returns once the server lets us into our database, which is made if it is missing.

    `deadline` is of the monotonic clock and far away: recovery after a crash takes its time.
    """
    while time.monotonic() < deadline:
        if _answers(socket_folder):
            return
        if server.poll() is not None:
            raise EmbeddedPostgresError(f"{log}: Postgres did not start: {reason(log, log_start)}")
        time.sleep(POLL_SECONDS)
    raise EmbeddedPostgresError(f"{log}: Postgres did not get ready: {reason(log, log_start)}")


def reason(log: Path, start: int) -> str:
    """The line of the log that tells most about a failure, looking from byte `start` on."""
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read(1 << 20).decode(errors="replace").splitlines()
    return _telling(lines)


def _answers(socket_folder: Path) -> bool:
    try:
        wire.run(socket_folder, DATABASE, timeout_seconds=ANSWER_SECONDS)
    except wire.Refusal as refusal:
        if refusal.code == wire.Refusal.NO_SUCH_DATABASE:
            create = f'CREATE DATABASE "{DATABASE}"'
            wire.run(socket_folder, "postgres", create, timeout_seconds=60)
            return True
        if refusal.code == wire.Refusal.CANNOT_CONNECT_NOW:
            return False
        raise EmbeddedPostgresError(f"the embedded Postgres refuses us: {refusal}") from refusal
    except OSError:
        return False
    return True


def _create(cluster: Cluster, lock: FileLock) -> None:
    """Makes the cluster beside its place and renames it: half a cluster is never found."""
    layout = cluster.layout
    fresh = layout.folder / f"data.new-{os.urandom(4).hex()}"
    fresh.mkdir(mode=0o700)
    if cluster.account is not None:
        os.chown(fresh, cluster.account.uid, cluster.account.gid)
    _initdb(cluster, lock, fresh)
    fresh.rename(layout.data)
    folder = os.open(layout.folder, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _initdb(cluster: Cluster, lock: FileLock, fresh: Path) -> None:
    arguments = settings.initdb_arguments(cluster.major, fresh)
    with subprocess.Popen(  # noqa: S603 - our own binary
        _command(cluster, "initdb", arguments, reach=[fresh]), stdin=subprocess.DEVNULL, cwd="/",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[lock.fileno()],
        start_new_session=True,
    ) as initdb:  # fmt: skip
        try:
            said, _ = initdb.communicate(timeout=INITDB_SECONDS)
        except subprocess.TimeoutExpired:
            said = f"initdb: error: not done within {INITDB_SECONDS} s".encode()
        if initdb.returncode != 0:
            _clear_away(initdb, fresh)
            line = _telling(said.decode(errors="replace").splitlines())
            raise EmbeddedPostgresError(f"{cluster.layout.data}: cannot create: {line}")


def _clear_away(initdb: subprocess.Popen[bytes], fresh: Path) -> None:
    """Its own children may outlive it for a moment, and would write on."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(initdb.pid, signal.SIGKILL)
    shutil.rmtree(fresh, ignore_errors=True)


def _command(cluster: Cluster, program: str, arguments: list[str], *,
             reach: list[Path]) -> list[str]:  # fmt: skip
    folder = cluster.binaries / "bin"
    command = [str(folder / program), *arguments]
    return as_account(command, cluster.account, [folder, cluster.layout.folder, *reach])


def _telling(lines: list[str]) -> str:
    said = [line.strip() for line in lines if line.strip()]
    found = (re.search(r"(\w+: error|ERROR|FATAL|PANIC): .*", line) for line in said)
    # Whoever knocks too early is told so as FATAL: that was us.
    grave = [match[0] for match in found if match and "starting up" not in match[0]]
    return (grave or said[-1:] or ["it said nothing"])[0]


def _require_same_major(cluster: Cluster) -> None:
    data = cluster.layout.data
    try:
        found = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(f"{data}: is no Postgres cluster; {ELSEWHERE}") from None
    if found != str(cluster.major):
        raise EmbeddedPostgresError(
            f"{data}: was made by Postgres {found}, installed is {cluster.major}: install the"
            f" version that made it, or delete the folder to index again"
        )


def _remove_stale_pid(layout: Layout) -> None:
    """Postgres would take any process that has the number by now for a running server."""
    path = layout.data / "postmaster.pid"
    try:
        pid = abs(int(path.read_text().splitlines()[0]))
    except FileNotFoundError:
        return
    except (ValueError, IndexError):
        pid = 0
    if pid and works_in(pid, layout.data):
        raise EmbeddedPostgresError(
            f"{layout.data}: process {pid}, which was not started by widthwise, serves it: stop it"
        )
    path.unlink(missing_ok=True)


def works_in(pid: int, data: Path) -> bool:
    """Whether that process is a Postgres on this data: it works in the folder, or names it."""
    if Path("/proc/self/cwd").exists():
        try:
            return Path(f"/proc/{pid}/cwd").samefile(data)
        except OSError:
            return False
    listed = subprocess.run(  # noqa: S603 - a fixed command
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return str(data) in listed.stdout


def _major(binaries: Path) -> int:
    command = [str(binaries / "bin" / "postgres"), "--version"]
    try:
        told = subprocess.run(  # noqa: S603 - our own binary
            command, capture_output=True, text=True, timeout=30, check=False
        )
    except OSError as error:
        raise EmbeddedPostgresError(f"{command[0]}: cannot run: {error.strerror}") from error
    if (version := re.search(r"\) (\d+)", told.stdout)) is None:
        raise EmbeddedPostgresError(f"{command[0]}: cannot run: {_telling([told.stderr])}")
    return int(version[1])


def _shared_memory_bytes() -> int:
    try:
        status = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
    except OSError:
        return settings.ENOUGH_SHARED_MEMORY_BYTES  # Not Linux: no file system sets a bound.
    return status.f_frsize * status.f_bavail
