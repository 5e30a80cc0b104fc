"""Runs jobs in this process: a worker, a sweeper and a reconciler around one heart."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from engine.index.database import Database
from engine.index.tender import Tender
from engine.indexing import Indexing
from engine.jobs import (
    Identity,
    News,
    Reach,
    Reconciler,
    Sweeper,
    Worker,
    beating_heart,
)
from engine.pace import pace_of, patience_of
from engine.settings import Settings


@asynccontextmanager
async def inline_workers(
    database: Database,
    settings: Settings,
    identity: Identity,
    indexing: Indexing,
    *,
    heard: Callable[[News], None],
    only_handed: bool = False,
) -> AsyncIterator[Worker]:
    """Jobs are claimed and run for the length of the block; then they are given back.

    With `only_handed`, just those of realms whose source `indexing` was handed.
    """

    def reach() -> Reach:
        return indexing.reach(only_handed=only_handed)

    def hear(news: News) -> None:
        registered.set()
        for ear in ears:
            ear(news)

    ears = [heard]
    registered = anyio.Event()
    async with beating_heart(
        database.dsn,
        identity,
        lease_seconds=settings.lease_seconds,
        heard=hear,
        listens=not database.lends,
    ) as heart:
        worker = Worker(
            database.brisk, heart, indexing.perform, reach=reach, pace=pace_of(settings)
        )
        sweeper = Sweeper(database.brisk, identity, patience=patience_of(settings))
        reconciler = Reconciler(
            database.brisk,
            identity.id,
            indexing.is_behind,
            reach=reach,
            interval_seconds=settings.reconcile_seconds,
            lease_seconds=settings.lease_seconds,
            max_attempts=settings.max_attempts,
        )
        tender = Tender(database)
        ears += [worker.hear, sweeper.hear, tender.hear]

        async def staff() -> None:
            # Nobody claims before others can see that it lives.
            await registered.wait()
            for work in (
                sweeper.sweep_forever,
                sweeper.clear_forever,
                tender.tend_forever,
                worker.work,
                reconciler.reconcile_forever,
            ):
                tasks.start_soon(work)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(staff)
            try:
                yield worker
            finally:
                tasks.cancel_scope.cancel()
