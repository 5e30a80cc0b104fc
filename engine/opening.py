"""Put the parts of an engine together: database, embedder, queue, and who runs jobs."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import anyio

from engine.embedders import Embedder, chosen_embedder, offloaded
from engine.errors import BadSetting
from engine.executors import Elsewhere, Executor, Threads, worker_processes
from engine.index.database import Database, open_database
from engine.index.reading import Reading, open_reading
from engine.jobs import Identity, JobQueue, beating_heart
from engine.registering import registered
from engine.settings import Isolation, Settings
from engine.sources import Source

if TYPE_CHECKING:
    from engine.jobs import Worker
    from engine.supervisor import Supervisor
    from engine.visit import Visitor


class Work(StrEnum):
    """Which jobs an engine runs: any, those of realms added through it, or none."""

    ANY = "any"
    ADDED = "added"
    NONE = "none"


@dataclass(slots=True)
class Parts:
    """What an engine is made of. `sources` are those that it is handed while it is open.

    `executor` computes what readers ask for.
    """

    database: Database
    reading: Reading
    settings: Settings
    isolation: Isolation
    embedder: Embedder
    embedder_id: int
    queue: JobQueue
    sources: dict[str, Source] = field(default_factory=dict)
    executor: Executor = field(default_factory=Threads)
    worker: "Worker | Supervisor | None" = None
    visitor: "Visitor | None" = None


@asynccontextmanager
async def opened_parts(
    settings: Settings,
    embedder: Embedder | None,
    visitor: "Visitor | None",
    work: Work,
    executor: Elsewhere | None = None,
) -> AsyncIterator[Parts]:
    """The parts for the length of the block; jobs run as `work` and the settings say."""
    passed = work is Work.ADDED or any(each is not None for each in (embedder, visitor, executor))
    isolation = _isolation(settings, passed=passed)
    embedder = embedder or chosen_embedder(settings)
    async with _as_it_is(_opened(settings, isolation, embedder, visitor, work, executor)) as parts:
        yield parts


@asynccontextmanager
async def _opened(
    settings: Settings,
    isolation: Isolation,
    embedder: Embedder,
    visitor: "Visitor | None",
    work: Work,
    executor: Elsewhere | None,
) -> AsyncIterator[Parts]:
    identity = Identity()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(
                dsn=settings.dsn,
                session_dsn=settings.session_dsn,
                home=settings.home,
                application_name=identity.application_name,
            )
        )
        reading = await stack.enter_async_context(
            open_reading(database.pool, replica_dsn=settings.search_dsn)
        )
        embedder_id = await stack.enter_async_context(
            registered(database.pool, embedder, required=work is not Work.NONE)
        )
        queue = JobQueue(database, max_attempts=settings.max_attempts)
        parts = Parts(database, reading, settings, isolation, embedder, embedder_id, queue)
        parts.visitor = visitor
        if work is not Work.NONE:
            inline = isolation is not Isolation.PROCESS
            only_handed = work is Work.ADDED
            await stack.enter_async_context(
                _inline(parts, identity, visitor, executor, only_handed=only_handed)
                if inline
                else _supervised(parts, identity)
            )
            queue.is_told = True
        yield parts


@asynccontextmanager
async def _inline(
    parts: Parts,
    identity: Identity,
    visitor: "Visitor | None",
    executor: Elsewhere | None,
    *,
    only_handed: bool,
) -> AsyncIterator[None]:
    """Jobs run in this process, which needs all that a pass needs."""
    from engine.executors.choosing import chosen_executor  # noqa: PLC0415 - for who visits
    from engine.indexing import Indexing  # noqa: PLC0415 - parsers, for those who parse
    from engine.inline import inline_workers  # noqa: PLC0415 - the same
    from engine.syntax_visitor import SyntaxVisitor  # noqa: PLC0415 - the same

    indexing = Indexing(
        parts.database,
        parts.settings,
        parts.embedder,
        parts.embedder_id,
        visitor or SyntaxVisitor(),
        parts.sources,
        elsewhere=executor or chosen_executor(parts.settings),
    )
    async with inline_workers(
        parts.database,
        parts.settings,
        replace(identity, recipe=indexing.recipe),
        indexing,
        heard=parts.queue.hear,
        only_handed=only_handed,
    ) as worker:
        parts.worker = worker
        yield


@asynccontextmanager
async def _supervised(parts: Parts, identity: Identity) -> AsyncIterator[None]:
    """Jobs run in a process of their own; so are the vectors of searches computed."""
    from engine.supervisor import supervised_workers  # noqa: PLC0415 - not for others

    async with (
        beating_heart(
            parts.database.dsn,
            identity,
            lease_seconds=parts.settings.lease_seconds,
            heard=parts.queue.hear,
            claims_jobs=False,
            listens=not parts.database.lends,
        ),
        supervised_workers(parts.database, parts.settings) as supervisor,
        worker_processes(1) as executor,
    ):
        parts.worker = supervisor
        parts.executor = executor
        parts.embedder = offloaded(parts.embedder, executor.run)
        yield


def _isolation(settings: Settings, *, passed: bool) -> Isolation:
    if settings.isolation is Isolation.AUTO:
        return Isolation.INLINE if passed else Isolation.PROCESS
    if settings.isolation is Isolation.PROCESS and passed:
        raise BadSetting(
            "isolation=process: an embedder, a visitor or an executor that is passed as an object, "
            "and the list of realms that were added, exist in this process only; "
            "use isolation=inline"
        )
    return settings.isolation


@asynccontextmanager
async def _as_it_is(context: AbstractAsyncContextManager[Parts]) -> AsyncIterator[Parts]:
    """The context, around a block whose own error stays what it is.

    A task group would wrap it in a group of one, as if it were a task's.
    """
    failure: BaseException | None = None
    async with context as value:
        try:
            yield value
        except (anyio.get_cancelled_exc_class(), GeneratorExit):
            raise
        except BaseException as error:
            failure = error
    if failure is not None:
        raise failure
