"""One queue in a database of its own, and what is measured of it. Compares nothing."""

import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio
import asyncpg

from benchmarks.job_peers import pgqueuer_queue, procrastinate_queue
from benchmarks.job_queues import Queue, ours

QUEUES: dict[str, Callable[[str], AbstractAsyncContextManager[Queue]]] = {
    "widthwise": ours,
    "procrastinate": procrastinate_queue,
    "pgqueuer": pgqueuer_queue,
}

AT_ONCE = 10
BATCH = 500

# The first starts of a worker are not those of an idle one.
WARMING = 5

# Nothing takes so long; this only turns a standstill into a failure.
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Contender:
    """A queue, and a connection of our own to its database."""

    queue: Queue
    connection: asyncpg.Connection

    async def enqueued_singly(self, jobs: int) -> float:
        began = time.perf_counter()
        for _ in range(jobs):
            await self.queue.enqueue()
        return jobs / (time.perf_counter() - began)

    async def enqueued_in_batches(self, jobs: int) -> float:
        began = time.perf_counter()
        for _ in range(jobs // BATCH):
            await self.queue.enqueue_many(BATCH)
        return jobs / (time.perf_counter() - began)

    async def run(self, jobs: int) -> float:
        """From the first start to the moment when the database has the last end."""
        starts: list[float] = []
        last = anyio.Event()

        def started() -> None:
            starts.append(time.perf_counter())
            if len(starts) == jobs:
                last.set()

        for _ in range(jobs // BATCH):
            await self.queue.enqueue_many(BATCH)
        async with self.queue.working(AT_ONCE, started):
            with anyio.fail_after(PATIENCE_SECONDS):
                await last.wait()
                await self._all_ended()
            ended = time.perf_counter()
        if len(starts) != jobs:
            raise AssertionError(f"{self.queue.name}: {len(starts)} starts of {jobs} jobs")
        return jobs / (ended - starts[0])

    async def start_latencies(self, jobs: int) -> list[float]:
        """Milliseconds from the request to the start, each when the last has long ended."""
        starts, receive = anyio.create_memory_object_stream[float](1)
        moments = []
        async with self.queue.working(AT_ONCE, lambda: starts.send_nowait(time.perf_counter())):
            for _ in range(WARMING + jobs):
                await anyio.sleep(random.uniform(0.02, 0.04))
                began = time.perf_counter()
                await self.queue.enqueue()
                with anyio.fail_after(PATIENCE_SECONDS):
                    moments.append((await receive.receive() - began) * 1_000)
            await self._all_ended()
        starts.close()
        receive.close()
        return moments[WARMING:]

    async def _all_ended(self) -> None:
        while await self.connection.fetchval(self.queue.unfinished):  # noqa: ASYNC110 - no event
            await anyio.sleep(0.001)

    @asynccontextmanager
    async def emptied(self) -> AsyncIterator[None]:
        """Every measurement begins with empty tables."""
        yield
        await self.connection.execute(self.queue.forget)


@asynccontextmanager
async def contender(dsn: str, name: str) -> AsyncIterator[Contender]:
    """In a new database, which is dropped at the end."""
    database = f"bench_{name}_{os.getpid()}"
    own = urlsplit(dsn)._replace(path=f"/{database}").geturl()
    admin = await asyncpg.connect(dsn)
    try:
        await admin.execute(f"CREATE DATABASE {database}")
        connection = await asyncpg.connect(own)
        async with QUEUES[name](own) as queue:
            yield Contender(queue, connection)
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        await admin.close()
