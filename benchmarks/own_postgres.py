"""A Postgres of one's own, to be killed, restarted or put on another host. Knows no tables."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import uuid4

import anyio
import asyncpg
from anyio import to_thread

from engine.index.embedded import settings
from engine.index.embedded.account import as_account
from engine.index.embedded.binaries import find_binaries
from engine.index.embedded.cluster import Cluster, reason
from engine.index.embedded.file_lock import FileLock, is_held
from engine.index.embedded.layout import ROLE, Layout

PATIENCE_SECONDS = 60.0
"""What is waited for here takes a second; this only turns a standstill into a failure."""

POLL_SECONDS = 0.01

# Processes die here, and machines do not: what they wrote is safe with the kernel.
OPTIONS = {"fsync": "off"}


@asynccontextmanager
async def own_postgres(
    home: Path,
    *,
    data: Path | None = None,
    options: Mapping[str, str] | None = None,
    subnet: str = "127.0.0.1/32",
    address: str = "127.0.0.1",
    entering: Sequence[str] = (),
) -> AsyncIterator["OwnPostgres"]:
    """A fresh server that answers on a port of `address`, with pgvector.

    `home` is for its log and its locks, and for the cluster unless `data` names another
    place, which must not exist yet. `options` are settings of postgresql.conf. Who comes from
    `subnet` is let in as well. `entering` is the start of a command that runs the rest of it on
    the host which has the address. At the end the server is killed and the cluster deleted.
    """
    layout = Layout(home)
    layout.data = data or layout.data
    cluster = Cluster.of(layout, find_binaries())
    server = OwnPostgres(cluster, OPTIONS | dict(options or {}), address, entering)
    try:
        await server.create(subnet)
        await server.start()
        yield server
    finally:
        with anyio.CancelScope(shield=True):
            await server.kill()
            await to_thread.run_sync(lambda: shutil.rmtree(layout.data, ignore_errors=True))


class OwnPostgres:
    """Comes back at the same `dsn` however it went. Usable from any loop, one call at a time.

    `options` may be changed while it runs and hold from the next start.
    """

    def __init__(
        self, cluster: Cluster, options: dict[str, str], address: str, entering: Sequence[str]
    ) -> None:
        self.options = options
        self.log = cluster.layout.log
        self._address = address
        self._entering = entering
        self._cluster = cluster
        self._password = secrets.token_hex(8)
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<OwnPostgres {self._port} {'up' if self.is_up else 'down'}: {self.log}>"

    @property
    def dsn(self) -> str:
        return self._dsn_of("postgres")

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def create_database(self) -> str:
        """The DSN of an empty database."""
        name = f"test_{uuid4().hex}"
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return self._dsn_of(name)

    async def start(self) -> None:
        """Returns when it answers, which after a kill is when it has recovered."""
        log_start = self.log.stat().st_size if self.log.exists() else 0
        process = self._process = self._launch()
        with anyio.fail_after(PATIENCE_SECONDS):
            while not await self._answers():
                if process.poll() is not None:
                    raise RuntimeError(f"{self.log}: {reason(self.log, log_start)}")
                await anyio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """In order, as for a restart of the service; sessions are ended at once."""
        await self._end(signal.SIGINT)

    async def kill(self) -> None:
        """SIGKILL to all its processes at one moment; returns when they are gone."""
        if self._process is not None and self.is_up:
            # Stopped, the postmaster starts no process that we would not know of.
            self._process.send_signal(signal.SIGSTOP)
            for pid in _children(self._process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def create(self, subnet: str) -> None:
        """An empty cluster that asks for a password: the port is open to all users here."""
        layout, account = self._cluster.layout, self._cluster.account
        layout.create()
        layout.data.mkdir(mode=0o700, parents=True)
        with NamedTemporaryFile("w", dir=layout.folder) as password:
            password.write(self._password)
            password.flush()
            if account is not None:
                os.chown(password.name, account.uid, account.gid)
                os.chown(layout.data, account.uid, account.gid)
            await self._initdb(f"--pwfile={password.name}", "--no-sync")
        places = ("127.0.0.1/32", subnet)
        access = "".join(f"host all {ROLE} {place} scram-sha-256\n" for place in places)
        (layout.data / "pg_hba.conf").write_text(access)

    async def _initdb(self, *more: str) -> None:
        arguments = settings.initdb_arguments(self._cluster.major, self._cluster.layout.data)
        told = await anyio.run_process(
            self._command("initdb", *arguments, *more), cwd="/", check=False
        )
        assert told.returncode == 0, told.stderr.decode()

    def _launch(self) -> subprocess.Popen[bytes]:
        """All processes of the server hold the lock from now on, and we do not."""
        layout, lock = self._cluster.layout, FileLock(self._cluster.layout.server_lock)
        try:
            assert lock.try_exclusive(), f"{self} is up already"
            # A process of another server may have the number by now.
            (layout.data / "postmaster.pid").unlink(missing_ok=True)
            with layout.open_log() as log:
                return subprocess.Popen(
                    [*self._entering, *self._command("postgres", *self._arguments())],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                    pass_fds=[lock.fileno()],
                )  # fmt: skip
        finally:
            lock.close()

    def _arguments(self) -> list[str]:
        """Those of the embedded server, with a port in the place of its socket."""
        layout = self._cluster.layout
        same = settings.server_arguments(
            self._cluster.major, layout, layout.folder,
            shared_memory_bytes=settings.ENOUGH_SHARED_MEMORY_BYTES,
        )  # fmt: skip
        ours = {
            "listen_addresses": self._address,
            "port": str(self._port),
            "unix_socket_directories": "",
            "hba_file": str(layout.data / "pg_hba.conf"),
            "ident_file": str(layout.data / "pg_ident.conf"),
        }
        return [*same, *(f"--{name}={value}" for name, value in (ours | self.options).items())]

    def _command(self, program: str, *arguments: str) -> list[str]:
        folder, layout = self._cluster.binaries / "bin", self._cluster.layout
        command = [str(folder / program), *arguments]
        return as_account(command, self._cluster.account, [folder, layout.folder, layout.data])

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.dsn, timeout=PATIENCE_SECONDS)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
            return False
        await connection.close()
        return True

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        with anyio.fail_after(PATIENCE_SECONDS):
            # Processes that are not our children die without an event.
            while self.is_up or is_held(self._cluster.layout.server_lock):  # noqa: ASYNC110
                await anyio.sleep(POLL_SECONDS)
        self._process = None

    def _dsn_of(self, database: str) -> str:
        place = f"{ROLE}:{self._password}@{self._address}:{self._port}"
        return f"postgresql://{place}/{database}?sslmode=disable"


def _children(pid: int) -> list[int]:
    """None where there is no /proc: then they end by themselves, when next they wait."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def free_port() -> int:
    """Free a moment ago, and given to nobody else soon: the kernel deals them out at random."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
