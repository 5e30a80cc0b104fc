"""Jobs as the rest of the program asks for them. Runs none."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import anyio

from engine.errors import JobNotFound
from engine.index.database import BROKEN, Database, Queryable
from engine.jobs import store
from engine.jobs.news import News
from engine.jobs.rows import Attempt, Enqueued, JobRow
from engine.jobs.state import JobState

log = logging.getLogger("widthwise.queue")

# How long a change of a job may go unnoticed where no notification comes.
POLL_SECONDS = 0.5
DEAF_SECONDS = 5.0

# What a slow reader of events may fall behind before it is told to look for itself.
MAX_UNREAD = 1_000


class JobQueue:
    """Requests, look-ups, and waiting for jobs, wherever they run.

    `hear` is to be told what a heart hears, if there is one; else the database is asked
    every so often.
    """

    def __init__(self, database: Database, *, max_attempts: int) -> None:
        self._database = database
        self._max_attempts = max_attempts
        self._ears: set[Callable[[News], None]] = set()
        self.is_told = False

    def hear(self, news: News) -> None:
        for ear in tuple(self._ears):
            ear(news)

    async def enqueue(
        self,
        realm_ids: Sequence[int],
        *,
        from_scratch: bool = False,
        priority: int = 0,
        delay_seconds: float = 0.0,
        connection: Queryable | None = None,
    ) -> list[Enqueued]:
        """Ask for a pass over each realm; on `connection` it is part of its transaction."""
        return await store.enqueue(
            connection or self._database.brisk,
            realm_ids,
            max_attempts=self._max_attempts,
            from_scratch=from_scratch,
            priority=priority,
            delay_seconds=delay_seconds,
        )

    async def enqueue_once(self, request_id: bytes, realm_id: int, **asked: Any) -> Enqueued | None:
        """`enqueue`, unless a request of this id was made before: then what that came to."""
        async with self._database.pool.acquire() as connection, connection.transaction():
            return await store.enqueue_once(
                connection, request_id, realm_id, max_attempts=self._max_attempts, **asked
            )

    async def find(self, job_id: int, *, connection: Queryable | None = None) -> JobRow:
        """The job as it is now; `JobNotFound` if there is none, or none any more."""
        row = await store.find(connection or self._database.brisk, job_id)
        if row is None:
            raise JobNotFound(job_id)
        return row

    async def page(
        self,
        *,
        realm: str | None,
        states: Sequence[JobState] | None,
        tenants: Sequence[str] | None,
        before: int | None,
        limit: int,
    ) -> list[JobRow]:
        # Planned for what is asked, unlike what the other pool is for.
        return await store.page(
            self._database.pool,
            realm=realm,
            states=states,
            tenants=tenants,
            before=before,
            limit=limit,
        )

    async def attempts(self, job_id: int) -> list[Attempt]:
        return await store.attempts(self._database.brisk, job_id)

    async def cancel(self, job_id: int) -> JobRow:
        """End the job if it has not ended, at once; returns what it came to."""
        await store.cancel(self._database.brisk, job_id)
        return await self.find(job_id)

    async def hurry(self, job_id: int) -> bool:
        """Have a job that waits for its next attempt tried now; whether it was waiting."""
        return await store.hurry(self._database.brisk, job_id)

    async def ended(self, job_id: int) -> JobRow:
        """Wait until the job has ended, wherever it runs, also while the database is away."""
        with self.listening(job_id) as wait:
            while True:
                try:
                    row = await self.find(job_id)
                except BROKEN as error:
                    log.warning(
                        "job=%d: cannot ask, trying again: %s", job_id, type(error).__name__
                    )
                else:
                    if row.state.is_end:
                        return row
                await wait(DEAF_SECONDS)

    async def events(self) -> AsyncIterator[JobRow]:
        """Jobs as they come into a new state, from now on; each as it is when it is read.

        A reader that falls far behind, or a lost connection, loses events: it sees the
        next ones, with the state that is true then.
        """
        unread: dict[int, None] = {}
        moved = anyio.Event()

        def hear(news: News) -> None:
            if len(unread) < MAX_UNREAD:
                unread.update(dict.fromkeys(sorted(news.job_ids)))
            moved.set()

        with self._ear(hear):
            while True:
                await moved.wait()
                moved = anyio.Event()
                while unread:
                    job_id = next(iter(unread))
                    del unread[job_id]
                    if row := await store.find(self._database.brisk, job_id):
                        yield row

    @contextmanager
    def listening(self, job_id: int | None = None) -> Iterator[Callable[[float], Awaitable[None]]]:
        """A wait for news, of one job or of any, which ends after some seconds without."""
        moved = anyio.Event()

        def hear(news: News) -> None:
            if job_id is None or news.state is None or job_id in news.job_ids:
                moved.set()

        async def wait(seconds: float) -> None:
            nonlocal moved
            with anyio.move_on_after(seconds if self.is_told else min(seconds, POLL_SECONDS)):
                await moved.wait()
            moved = anyio.Event()

        with self._ear(hear):
            yield wait

    @contextmanager
    def _ear(self, hear: Callable[[News], None]) -> Iterator[None]:
        self._ears.add(hear)
        try:
            yield
        finally:
            self._ears.discard(hear)
