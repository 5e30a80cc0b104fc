"""What goes on beside an app that is measured: jobs that it is asked for, or other programs."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx

REALM = "tree"
POLL_SECONDS = 0.25

SPIN = "import os\nwhile os.getppid() == {parent}: pass"


@dataclass(slots=True)
class Passes:
    """Jobs that have ended as `expected`. `answered_ms` is what each request for one took."""

    expected: str = "succeeded"
    done: int = 0
    error: str = ""
    answered_ms: list[float] = field(default_factory=list)
    running_seconds: float = 0.0
    begun: anyio.Event = field(default_factory=anyio.Event)
    first: anyio.Event = field(default_factory=anyio.Event)

    def end(self, job: dict[str, Any]) -> None:
        if job["state"] == self.expected:
            self.done += 1
            self.error = job["error"] or ""
            self.first.set()
        elif self.expected == "succeeded":
            raise RuntimeError(f"the job {job['state']}: {job['error']}")

    def __str__(self) -> str:
        told = f"{self.done} jobs {self.expected}; asked for in {max(self.answered_ms):.0f} ms"
        return f"{told} at most{self.error and f'; {self.error}'}"


@asynccontextmanager
async def indexing(
    client: httpx.AsyncClient, tree: Path, *, expected: str = "succeeded"
) -> AsyncIterator[Passes]:
    """The tree is indexed from nothing, over and over, for the length of the block.

    They are expected to end as `expected`; where that is well, one that fails ends the block.
    """
    passes = Passes(expected)

    async def index_forever() -> None:
        while True:
            await index_once(client, tree, passes)
            (await client.delete(f"/index/realms/{REALM}")).raise_for_status()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(index_forever)
        await passes.begun.wait()
        yield passes
        tasks.cancel_scope.cancel()


async def index_once(client: httpx.AsyncClient, tree: Path, passes: Passes) -> None:
    realm = {"name": REALM, "source": {"kind": "folder", "path": str(tree)}, "index": False}
    (await client.post("/index/realms", json=realm)).raise_for_status()
    asked = time.perf_counter()
    answer = (await client.post(f"/index/realms/{REALM}/index", json={})).raise_for_status()
    passes.answered_ms.append((time.perf_counter() - asked) * 1e3)
    place = answer.headers["location"]
    looked = time.monotonic()
    while (job := (await client.get(place)).json())["state"] in ("pending", "running"):
        if job["state"] == "running":
            passes.begun.set()
        await anyio.sleep(POLL_SECONDS)
        passes.running_seconds += time.monotonic() - looked
        looked = time.monotonic()
    passes.begun.set()
    passes.end(job)


@contextmanager
def spinning(processes: int) -> Iterator[None]:
    """So many programs that do nothing but take a processor, for the length of the block."""
    command = [sys.executable, "-S", "-c", SPIN.format(parent=os.getpid())]
    started = [subprocess.Popen(command) for _ in range(processes)]
    try:
        yield
    finally:
        for each in started:
            each.kill()
            each.wait()
