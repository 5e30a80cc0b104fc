"""Three job queues behind one face: ours, procrastinate and pgqueuer, each as its docs show it.

Every queue gets a database of its own. A job here does nothing but say that it has started.
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Protocol

import anyio
import asyncpg
import pgqueuer
import procrastinate
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from engine import Engine, Settings
from engine.index.database import Database, open_database
from engine.jobs import (
    SUCCESS,
    Identity,
    JobQueue,
    News,
    Pace,
    Reach,
    Running,
    Worker,
    beating_heart,
    store,
)
from engine.report import PassReport
from engine.settings import Isolation

REALMS = 20_000

Started = Callable[[], None]


class Queue(Protocol):
    """`unfinished` counts jobs that have not ended in the database; `forget` drops all."""

    @property
    def name(self) -> str: ...

    @property
    def promises(self) -> str: ...

    @property
    def unfinished(self) -> str: ...

    @property
    def forget(self) -> str: ...

    async def enqueue(self) -> object: ...

    async def enqueue_many(self, jobs: int) -> object: ...

    def working(self, at_once: int, started: Started) -> AbstractAsyncContextManager[None]: ...

    def standing_by(self) -> AbstractAsyncContextManager[None]:
        """A whole worker process, as far as the database sees it, that finds nothing to do."""
        ...


@dataclass(slots=True)
class Ours:
    """A job each for one realm after the other, since requests for one realm join."""

    database: Database
    realm_ids: Iterator[int]
    name: str = "widthwise"
    promises: str = (
        "lease, claim token, one line of history for each claim; requests for one realm join; "
        "ends in the transaction of its result"
    )
    unfinished: str = "SELECT count(*) FROM jobs WHERE state IN ('pending', 'running')"
    forget: str = "TRUNCATE jobs, attempts RESTART IDENTITY"
    queue: JobQueue = field(init=False)

    def __post_init__(self) -> None:
        self.queue = JobQueue(self.database, max_attempts=3)

    async def enqueue(self) -> object:
        return await self.queue.enqueue([next(self.realm_ids)])

    async def enqueue_many(self, jobs: int) -> object:
        return await self.queue.enqueue(list(islice(self.realm_ids, jobs)))

    @asynccontextmanager
    async def working(self, at_once: int, started: Started) -> AsyncIterator[None]:
        registered = anyio.Event()
        ears: list[Callable[[News], None]] = [lambda _: registered.set()]
        pool = self.database.pool

        async def perform(running: Running) -> None:
            """What `engine.indexing` does around a pass, without one."""
            started()
            report = _empty_report(running.claim.realm)
            with anyio.CancelScope(shield=True):
                await store.settle(
                    pool,
                    running.claim.job_id,
                    running.claim.token,
                    SUCCESS,
                    report=report.as_json(),
                    progress=running.tracker.progress(),
                )
                running.succeeded(report)

        def hear(news: News) -> None:
            for ear in ears:
                ear(news)

        async with (
            beating_heart(self.database.dsn, Identity(), lease_seconds=600, heard=hear) as heart,
            anyio.create_task_group() as tasks,
        ):
            pace = Pace(jobs_at_once=at_once)
            brisk, reach = self.database.brisk, Reach(("folder",))
            worker = Worker(brisk, heart, perform, reach=lambda: reach, pace=pace)
            ears.append(worker.hear)
            await registered.wait()
            tasks.start_soon(worker.work)
            yield
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def standing_by(self) -> AsyncIterator[None]:
        settings = Settings(
            home=Path("unused"),
            dsn=self.database.dsn,
            embedder="hashed",
            isolation=Isolation.INLINE,
            worker_processes=1,
        )
        async with Engine.open(settings):
            yield


def _empty_report(realm: str) -> PassReport:
    return PassReport(
        generation=1,
        realm=realm,
        revision="",
        files=0,
        chunks=0,
        errors=0,
        skipped=0,
        added=0,
        modified=0,
        touched=0,
        deleted=0,
        chunks_written=0,
        seconds=0.0,
        phases={},
    )


@asynccontextmanager
async def ours(dsn: str) -> AsyncIterator[Queue]:
    async with open_database(dsn=dsn, home=Path("unused")) as database:
        rows = await database.pool.fetch(
            "INSERT INTO realms (name, source)"
            " SELECT 'realm ' || number, '{\"kind\": \"folder\"}'"
            " FROM generate_series(1, $1) AS number RETURNING id",
            REALMS,
        )
        yield Ours(database, cycle([row["id"] for row in rows]))


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


QUEUES: dict[str, Callable[[str], AbstractAsyncContextManager[Queue]]] = {
    "widthwise": ours,
    "procrastinate": procrastinate_queue,
    "pgqueuer": pgqueuer_queue,
}
