"""Workers in processes of their own, to be watched, frozen and killed. Knows no tables."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import anyio
import job_worker

# A server that has all imported already forks a process in no time, and is forked by nobody.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["job_worker", "engine.indexing", "engine.inline"])

PATIENCE_SECONDS = 40.0
"""What a test waits for takes a second or two; this only turns a standstill into a failure."""

USUAL: dict[str, Any] = {
    "isolation": "inline",
    "embedder": "hashed",
    "worker_processes": 1,
    "lease_seconds": 30.0,
    "sweep_seconds": 0.1,
    "backoff_seconds": 0.05,
    "poll_seconds": 0.2,
    "embed_timeout_seconds": 20,
}
"""Short times, but for the lease: a busy machine must not look like a dead one."""


class JobProcess:
    """Made by `job_process`. `heard` is all that it has said so far."""

    def __init__(self, process: BaseProcess, wire: Connection) -> None:
        self.heard: list[dict[str, Any]] = []
        self._process = process
        self._wire = wire
        self._moved = anyio.Event()

    def __repr__(self) -> str:
        return f"<JobProcess {self.pid} {self.heard[-3:]}>"

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def log(self) -> list[str]:
        return [what["text"] for what in self.heard if what["event"] == "log"]

    async def says(self, event: str, *, containing: str = "") -> dict[str, Any]:
        """Wait for it, unless it was said already."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while True:
                for what in self.heard:
                    if what["event"] == event and containing in str(what):
                        return what
                await self._moved.wait()

    def tell(self, *command: object) -> None:
        self._wire.send(list(command))

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    async def ended(self) -> int:
        """Its exit code, once it is gone."""
        with anyio.fail_after(PATIENCE_SECONDS):
            await anyio.wait_readable(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    @contextmanager
    def listening(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._wire.fileno(), self._hear)
        try:
            yield
        finally:
            loop.remove_reader(self._wire.fileno())

    def _hear(self) -> None:
        try:
            self.heard.append(self._wire.recv())
        except (EOFError, ConnectionError):
            asyncio.get_running_loop().remove_reader(self._wire.fileno())
        self._moved.set()
        self._moved = anyio.Event()


@asynccontextmanager
async def job_process(
    dsn: str,
    home: Path,
    *,
    provider: str = "",
    acts: Mapping[str, object] | None = None,
    skew_seconds: float = 0.0,
    deaf: bool = False,
    work: str = "any",
    namespace: str = "",
    **settings: Any,
) -> AsyncIterator[JobProcess]:
    """A worker that is ready, and is killed at the end of the block if it has not ended.

    `acts` tell its visitor what to do at a file, see `job_worker.ObedientVisitor`.
    A `deaf` one never hears that it should stop a pass: only the database can stop it. With
    a `namespace` of the network it is on the host that has it.
    """
    order = {
        "dsn": dsn,
        "home": str(home),
        "provider": provider,
        "acts": dict(acts or {}),
        "skew_seconds": skew_seconds,
        "deaf": deaf,
        "work": work,
        "namespace": namespace,
        "settings": USUAL | settings,
    }
    wire, theirs = FORKS.Pipe()
    process = FORKS.Process(target=job_worker.run, args=(order, theirs))
    process.start()
    theirs.close()
    worker = JobProcess(process, wire)
    try:
        with worker.listening():
            await worker.says("ready")
            yield worker
    finally:
        process.kill()
        process.join()
        process.close()
        wire.close()
