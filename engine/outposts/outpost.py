"""What a process of a cluster holds, once, for all passes that send it files.

A loop in a thread of its own, a pool of connections, the embedder, a worker process that parses.
They are opened by the first errand and stay. Who we are is read from this process's environment:
no key and no password comes with an errand.
"""

import atexit
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Final, TypeVar
from uuid import UUID

import anyio
import asyncpg
from anyio.from_thread import BlockingPortal

from engine.analyse import Analysed, AnalyseRequest, analyse
from engine.at_hand import checkouts_of
from engine.embedders import Embedder, chosen_embedder
from engine.embedding import Breaker, OnTheWay
from engine.errors import ExecutorFailed, StalePass, first_failure
from engine.executors import Executor, worker_processes
from engine.executors.performing import interruptible
from engine.index.database import open_database
from engine.outposts.briefing import Errand, Terms, Visited, unpacked
from engine.outposts.desk import Desk
from engine.outposts.mirrors import Mirrors
from engine.outposts.parsed import Parsed
from engine.recipe import recipe
from engine.registering import registered
from engine.settings import Settings
from engine.sources import Source
from engine.visit import Visitor

log = logging.getLogger("widthwise.outposts")

CONNECTIONS: Final = 4

# What was told of passes stays for so many, and so long after the last errand.
MAX_DESKS: Final = 4
IDLE_SECONDS: Final = 60.0

CLOSE_SECONDS: Final = 5.0

Answer = TypeVar("Answer")


def analyse_away(work: tuple[Terms, AnalyseRequest]) -> Analysed:
    """Read and parse one file, and keep its text here: what it defines goes back."""
    outpost, (terms, request) = here(), work
    analysed = outpost.call(outpost.analyse, terms, request)
    return replace(analysed, chunks=b"")


def visit_away(errand: Errand) -> Visited | None:
    """Visit files; `None` if the pass is not known here, and the errand needs a briefing."""
    outpost = here()
    return outpost.call(outpost.run, errand)


@dataclass(slots=True)
class Outpost:
    """Made by `here`. Its methods but `call` run in its own loop."""

    portal: BlockingPortal
    settings: Settings
    pool: asyncpg.Pool
    embedder: Embedder
    embedder_id: int
    executor: Executor
    breaker: Breaker
    mirrors: Mirrors
    on_the_way: OnTheWay = field(default_factory=OnTheWay)
    parsed: Parsed = field(default_factory=Parsed)
    desks: OrderedDict[UUID, Desk] = field(default_factory=OrderedDict)
    visitors: dict[str, Visitor] = field(default_factory=dict)
    agreed: set[tuple[str, str]] = field(default_factory=set)

    def call(self, function: Callable[..., Awaitable[Answer]], *arguments: Any) -> Answer:
        """From another thread: run it in the loop, until it ends or its batch is interrupted."""
        future: Future[Answer] = self.portal.start_task_soon(function, *arguments)
        try:
            with interruptible(future.cancel):
                return future.result()
        except CancelledError:
            raise StalePass("nobody waits for this visit any more") from None
        except BaseExceptionGroup as failures:
            raise first_failure(failures) from None

    async def analyse(self, terms: Terms, request: AnalyseRequest) -> Analysed:
        self._agree(terms)
        source = await self._seen(request.source)
        analysed = await self.executor.run(analyse, request._replace(source=source))
        self.parsed.put(terms.token, analysed)
        return analysed

    async def run(self, errand: Errand) -> Visited | None:
        desk = await self._desk(errand)
        if desk is None:
            return None
        with _using(desk):
            return await desk.visit(errand.keys)

    def visitor(self, name: str) -> Visitor:
        if name not in self.visitors:
            module, _, kind = name.partition(":")
            try:
                self.visitors[name] = getattr(import_module(module), kind)()
            except Exception as error:
                raise ExecutorFailed(f"{name} can't be made on a cluster: {error}") from None
        return self.visitors[name]

    def close_idle(self, *, keep: int, idle_seconds: float) -> None:
        for token, desk in list(self.desks.items()):
            idle = not desk.users and time.monotonic() - desk.left_at >= idle_seconds
            if idle and len(self.desks) > keep:
                self.desks.pop(token).close()

    async def close_mirrors(self, *, idle_seconds: float) -> None:
        read = {getattr(desk.source, "folder", "") for desk in self.desks.values()}
        await self.mirrors.close_idle(but=read, idle_seconds=idle_seconds)

    async def _desk(self, errand: Errand) -> Desk | None:
        if errand.token not in self.desks:
            if not errand.briefing:
                return None
            briefing = unpacked(errand.briefing)
            self._agree(briefing.terms)
            if briefing.embedder_id != self.embedder_id:
                raise ExecutorFailed("a worker of the cluster has another database than the pass")
            briefing = replace(briefing, source=await self._seen(briefing.source))
        # Another errand of the pass may have come first.
        if errand.token not in self.desks:
            self.close_idle(keep=MAX_DESKS - 1, idle_seconds=0)
            self.desks[errand.token] = Desk(self, briefing)
        self.desks.move_to_end(errand.token)
        return self.desks[errand.token]

    async def _seen(self, source: Source) -> Source:
        """The source as it can be read here. A file that is not there would count as gone."""
        here = await self.mirrors.seen(source)
        _check_sight(here)
        return here

    def _agree(self, terms: Terms) -> None:
        """Entries of another version, or another embedder, would be wrong without a sign."""
        if terms[1:] in self.agreed:
            return
        settings = self.settings
        ours = recipe(
            self.visitor(terms.visitor),
            self.embedder,
            chunk_chars=settings.chunk_chars,
            max_file_bytes=settings.max_file_bytes,
        )
        if ours != terms.recipe:
            raise ExecutorFailed(
                "a worker of the cluster makes other entries: it has another version or other "
                "settings (embedder, chunk size, file limit) than the process of the pass"
            )
        self.agreed.add(terms[1:])


def _check_sight(source: Source) -> None:
    root: str | None = getattr(source, "path", None) or getattr(source, "folder", None)
    if root is not None and not os.path.exists(root):
        raise ExecutorFailed(f"a worker of the cluster has no {root}: it must see the same files")


@contextmanager
def _using(desk: Desk) -> Iterator[None]:
    desk.users += 1
    try:
        yield
    finally:
        desk.users -= 1
        desk.left_at = time.monotonic()


_opening = threading.Lock()
_threads: list[tuple[threading.Thread, Outpost]] = []


def here() -> Outpost:
    """The outpost of this process. `ExecutorFailed` if its database or embedder can't be had."""
    with _opening:
        if _threads and not _threads[-1][0].is_alive():
            _threads.clear()
        if not _threads:
            _threads.append(_opened())
        return _threads[-1][1]


def _opened() -> tuple[threading.Thread, Outpost]:
    opened: Future[Outpost] = Future()
    # Not one that the interpreter waits for: the process ends when its worker does.
    thread = threading.Thread(target=anyio.run, args=(_live, opened), daemon=True, name="outpost")
    thread.start()
    outpost = opened.result()
    atexit.register(_close, thread, outpost)
    return thread, outpost


def _close(thread: threading.Thread, outpost: Outpost) -> None:
    if thread.is_alive():
        outpost.portal.start_task_soon(outpost.portal.stop, True)
        thread.join(CLOSE_SECONDS)


async def _live(opened: "Future[Outpost]") -> None:
    """The life of an outpost: it ends when it is closed, or with an error that `opened` tells."""
    try:
        async with _parts() as outpost:
            opened.set_result(outpost)
            while True:
                await anyio.sleep(IDLE_SECONDS / 2)
                outpost.close_idle(keep=0, idle_seconds=IDLE_SECONDS)
                await outpost.close_mirrors(idle_seconds=IDLE_SECONDS)
    except Exception as failure:
        error = first_failure(failure)
        log.exception("an outpost has ended")
        if not opened.done():
            opened.set_exception(ExecutorFailed(f"a worker of the cluster can't open: {error!r}"))


@asynccontextmanager
async def _parts() -> AsyncIterator[Outpost]:
    settings = Settings.from_environment()
    embedder = chosen_embedder(settings)
    async with (
        open_database(
            dsn=settings.dsn,
            home=settings.home,
            session_dsn=settings.session_dsn,
            connections=CONNECTIONS,
            application_name="widthwise outpost",
        ) as database,
        registered(database.pool, embedder, required=True) as embedder_id,
        worker_processes(1) as executor,
        BlockingPortal() as portal,
    ):
        breaker = Breaker(base_seconds=settings.backoff_seconds)
        mirrors = Mirrors(checkouts_of(settings))
        yield Outpost(
            portal, settings, database.pool, embedder, embedder_id, executor, breaker, mirrors
        )
