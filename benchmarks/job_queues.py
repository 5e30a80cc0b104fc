"""Our job queue behind the face that all measured ones have. A job here does nothing."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Protocol

import anyio

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
    forget: str = "TRUNCATE jobs, attempts RESTART IDENTITY CASCADE"
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
