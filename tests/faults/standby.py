"""A streaming standby of a test's own server, made by pg_basebackup. Knows no tables."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlsplit

import anyio
import asyncpg
import pytest
from anyio import to_thread

from benchmarks.own_postgres import OPTIONS, OwnPostgres
from engine.index.embedded.binaries import find_binaries
from engine.index.embedded.cluster import Cluster
from engine.index.embedded.layout import ROLE, Layout

PRIMARY = {"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on"}


class Standby(OwnPostgres):
    """Follows a primary that was started with `PRIMARY`; has its databases and its password."""

    async def follow(self, primary: OwnPostgres) -> None:
        program = self._cluster.binaries / "bin" / "pg_basebackup"
        if not program.exists():
            pytest.skip(f"no standby can be made: {program} is not there")
        layout, account = self._cluster.layout, self._cluster.account
        layout.create()
        layout.data.mkdir(mode=0o700, parents=True)
        place = urlsplit(primary.dsn)
        self._password = primary._password
        await _admit(primary)
        with NamedTemporaryFile("w", dir=layout.folder) as secret:
            secret.write(f"*:*:*:*:{self._password}\n")
            secret.flush()
            for path in (secret.name, str(layout.data)):
                if account is not None:
                    os.chown(path, account.uid, account.gid)
            conninfo = f"host=127.0.0.1 port={place.port} user={ROLE} passfile={secret.name}"
            told = await anyio.run_process(
                self._command(
                    "pg_basebackup", "--dbname", conninfo, "--pgdata", str(layout.data),
                    "--checkpoint=fast", "--no-sync",
                ),
                cwd="/", check=False,
            )  # fmt: skip
            assert told.returncode == 0, told.stderr.decode()
        self.options["primary_conninfo"] = (
            f"host=127.0.0.1 port={place.port} user={ROLE} password={self._password}"
        )
        (layout.data / "standby.signal").touch()
        if account is not None:
            os.chown(layout.data / "standby.signal", account.uid, account.gid)


@asynccontextmanager
async def standby_of(primary: OwnPostgres, home: Path) -> AsyncIterator[Standby]:
    layout = Layout(home)
    server = Standby(Cluster.of(layout, find_binaries()), OPTIONS | PRIMARY, "127.0.0.1", ())
    try:
        await server.follow(primary)
        await server.start()
        yield server
    finally:
        with anyio.CancelScope(shield=True):
            await server.kill()
            await to_thread.run_sync(lambda: shutil.rmtree(layout.data, ignore_errors=True))


async def _admit(primary: OwnPostgres) -> None:
    """Let a standby in, which "all" databases do not."""
    with (primary._cluster.layout.data / "pg_hba.conf").open("a") as access:
        access.write(f"host replication {ROLE} 127.0.0.1/32 scram-sha-256\n")
    connection = await asyncpg.connect(primary.dsn)
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()
