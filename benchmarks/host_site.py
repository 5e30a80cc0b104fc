"""Two hosts that work, one with the database, and who asks from here. Judges nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import asyncpg

from benchmarks.host_network import Host, network_of
from benchmarks.job_killer import BOOT, RUNNING
from benchmarks.own_postgres import OwnPostgres, own_postgres
from benchmarks.slow_provider import slow_provider
from engine import Engine, Settings, Work

LEASE_SECONDS: Final = 3.0
STOP_SECONDS: Final = 30.0

# So many that there is room for those of a host that is gone.
JOBS: Final = "3"

TEXT_SECONDS: Final = 0.08


@dataclass(frozen=True, slots=True)
class Site:
    """Made by `site`. `hosts` are the two that work, with one process each."""

    hosts: tuple[Host, ...]
    server: OwnPostgres
    environment: dict[str, str]
    home: Path
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return self.home / "workers.log"

    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    def work(self, host: Host) -> None:
        """`widthwise work`, as somebody would start it there."""
        with self.log.open("ab") as log:
            self.workers[host.namespace] = subprocess.Popen(
                [*host.entering, sys.executable, "-c", BOOT, "-v", "work", "--jobs", JOBS],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self, host: Host) -> None:
        worker = self.workers[host.namespace]
        worker.kill()
        worker.wait()

    def signal(self, host: Host, number: signal.Signals) -> None:
        """To all that runs there."""
        for pid in host.processes():
            os.kill(pid, number)

    async def running(self, *hosts: Host) -> list[asyncpg.Record]:
        pids = [self.workers[host.namespace].pid for host in hosts]
        return await self.fetch(RUNNING, pids)

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """On a session of its own, which no fault has touched."""
        connection = await asyncpg.connect(self.server.dsn)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    async def stop(self) -> list[str]:
        """Tell the workers to stop, and see them end; who did not."""
        for worker in self.workers.values():
            worker.terminate()
        with anyio.move_on_after(STOP_SECONDS):
            while any(worker.poll() is None for worker in self.workers.values()):  # noqa: ASYNC110
                await anyio.sleep(0.05)  # a process has no event
        late = [worker for worker in self.workers.values() if worker.poll() is None]
        return [f"worker {worker.pid} did not end" for worker in late]


@asynccontextmanager
async def site(home: Path, *, slow: bool = False) -> AsyncIterator[Site]:
    """`NoHosts` where none can be made. Whatever happens, nothing lives on behind the block."""
    with (
        network_of(3, slow=slow) as network,
        slow_provider(address=network.address, batch_seconds=TEXT_SECONDS) as provider,
    ):
        *hosts, far = network.hosts
        async with own_postgres(
            home / "server", subnet=network.subnet, address=far.address, entering=far.entering
        ) as server:
            made = Site(tuple(hosts), server, _environment(server.dsn, provider, home), home)
            try:
                yield made
            finally:
                for worker in made.workers.values():
                    worker.kill()
                    worker.wait()


@asynccontextmanager
async def front(at: Site, *, work: Work = Work.NONE) -> AsyncIterator[Engine]:
    async with Engine.open(at.settings(), work=work) as engine:
        yield engine


def _environment(dsn: str, provider: str, home: Path) -> dict[str, str]:
    """Texts go one by one to a provider, so that a pass takes seconds and little of the machine.

    The reconciler would find a lost edit: it has nothing to say here.
    """
    return {
        "WIDTHWISE_DSN": dsn,
        "WIDTHWISE_HOME": str(home),
        "WIDTHWISE_EMBEDDER": "openai",
        "WIDTHWISE_EMBED_URL": f"{provider}/v1",
        "WIDTHWISE_EMBED_MODEL": "slow",
        "WIDTHWISE_EMBED_BATCH_SIZE": "1",
        "WIDTHWISE_EMBED_CONCURRENCY": "1",
        "WIDTHWISE_EMBED_TIMEOUT_SECONDS": "2",
        "WIDTHWISE_WORKER_PROCESSES": "1",
        "WIDTHWISE_ISOLATION": "inline",
        "WIDTHWISE_LEASE_SECONDS": f"{LEASE_SECONDS:g}",
        "WIDTHWISE_SWEEP_SECONDS": "1",
        "WIDTHWISE_BACKOFF_SECONDS": "1",
        "WIDTHWISE_RECONCILE_SECONDS": "864000",
        "WIDTHWISE_MAX_ATTEMPTS": "20",
    }
