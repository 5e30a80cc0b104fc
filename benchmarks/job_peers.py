"""procrastinate and pgqueuer behind the same face, each as its docs show it."""

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import asyncpg
import pgqueuer
import procrastinate
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from benchmarks.job_queues import Queue, Started


@dataclass(slots=True)
class Procrastinate:
    app: procrastinate.App
    name: str = "procrastinate"
    promises: str = "no lease: a dead worker's jobs stay until somebody asks for stalled ones"
    unfinished: str = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
    forget: str = "TRUNCATE procrastinate_jobs RESTART IDENTITY CASCADE"
    started: Started = lambda: None
    task: Any = field(init=False)

    def __post_init__(self) -> None:
        @self.app.task(name="nothing")
        async def nothing(number: int) -> None:
            self.started()

        self.task = nothing

    async def enqueue(self) -> object:
        return await self.task.defer_async(number=1)

    async def enqueue_many(self, jobs: int) -> object:
        return await self.task.batch_defer_async(*({"number": each} for each in range(jobs)))

    @asynccontextmanager
    async def working(self, at_once: int, started: Started) -> AsyncIterator[None]:
        self.started = started
        async with anyio.create_task_group() as tasks:

            async def work() -> None:
                await self.app.run_worker_async(concurrency=at_once, install_signal_handlers=False)

            tasks.start_soon(work)
            yield
            tasks.cancel_scope.cancel()

    def standing_by(self) -> AbstractAsyncContextManager[None]:
        return self.working(10, lambda: None)


@asynccontextmanager
async def procrastinate_queue(dsn: str) -> AsyncIterator[Queue]:
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    connector = procrastinate.PsycopgConnector(conninfo=dsn, min_size=4, max_size=10)
    app = procrastinate.App(connector=connector)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        yield Procrastinate(app)


@dataclass(slots=True)
class PgQueuer:
    dsn: str
    queries: Queries
    name: str = "pgqueuer"
    promises: str = (
        "claims and completes ten at a time; completions wait in memory for up to 0.1 s and die "
        "with the process"
    )
    unfinished: str = "SELECT count(*) FROM pgqueuer"
    forget: str = "TRUNCATE pgqueuer, pgqueuer_log RESTART IDENTITY"

    async def enqueue(self) -> object:
        return await self.queries.enqueue("nothing", b"1")

    async def enqueue_many(self, jobs: int) -> object:
        return await self.queries.enqueue(["nothing"] * jobs, [b"1"] * jobs, [0] * jobs)

    @asynccontextmanager
    async def working(self, at_once: int, started: Started) -> AsyncIterator[None]:
        """Its cap on jobs at once must be twice the batch, so the batch stands in for it."""
        connection = await asyncpg.connect(self.dsn)
        queuer = pgqueuer.PgQueuer(AsyncpgDriver(connection))

        @queuer.entrypoint("nothing")
        async def nothing(job: pgqueuer.Job) -> None:
            started()

        async def work() -> None:
            await queuer.run(batch_size=at_once)

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(work)
                yield
                queuer.shutdown.set()
        finally:
            await connection.close()

    def standing_by(self) -> AbstractAsyncContextManager[None]:
        return self.working(10, lambda: None)


@asynccontextmanager
async def pgqueuer_queue(dsn: str) -> AsyncIterator[Queue]:
    logging.getLogger("pgqueuer").setLevel(logging.WARNING)
    connection = await asyncpg.connect(dsn)
    try:
        queries = Queries(AsyncpgDriver(connection))
        await queries.install()
        yield PgQueuer(dsn, queries)
    finally:
        await connection.close()
