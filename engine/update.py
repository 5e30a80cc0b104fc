"""From what changed to working rows: prewarm, plan, size, visit. Swaps nothing."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import asyncpg

from engine.chunk_text import embedded_text
from engine.discover import NO_STAMP, Changes
from engine.embedders import Embedder
from engine.embedding import Breaker, OnTheWay, Supply
from engine.entries import Entries
from engine.executors import Elsewhere, Executor, Overflow, Threads, worker_processes
from engine.foretelling import Foreteller, Foretelling
from engine.index.database import Connection
from engine.index.live import RealmRow
from engine.index.working import ExplanationRow, FailedEntry, Fence, Working, WorkingEntry
from engine.invalidation import Invalidation, Invalidator, SnapshotMoved
from engine.kept_records import KeptRecords
from engine.modules import Module, Modules, SnapshotTree
from engine.outposts import (
    Briefing,
    ParsedAway,
    RepeatableWorking,
    Seen,
    Terms,
    Visited,
    can_travel,
    name_of,
    visit_all_away,
)
from engine.pass_embedding import PassEmbedding, pass_embedding
from engine.plan_shape import PlanShape, shape_of
from engine.reasons import Why
from engine.report import PassReport, Phase, Tracker
from engine.settings import Settings
from engine.slots import Slot
from engine.sources import Source
from engine.spool import Spool
from engine.vectors import PaidOnce
from engine.visit import Visitor
from engine.visit_all import visit_all
from engine.writing import Outbox, Outcome, write_all
from resolver import DependencyGraph, Plan, render_envelope, visit_concurrency

log = logging.getLogger("widthwise.passes")

# With less to parse, starting worker processes takes longer than parsing here.
INLINE_FILES = 12
INLINE_BYTES = 400_000

# Where few files changed and many follow, so many at once are parsed here: it would take as long
# to start worker processes for them.
INLINE_LOADS = 96

# For each worker process: the batch of 32 that it holds, and enough that the next is ready
# while the answers to the last are still being resolved.
LOADS_IN_HAND = 96

# So many reasons are kept of a pass; a larger one was about nearly everything.
MAX_EXPLAINED = 5_000


@dataclass(frozen=True, slots=True)
class PassContext:
    """What a pass works with. The realm is as it was when the pass began.

    `settle` ends the job in the transaction of the swap, and raises if the claim is stale.
    `ended` is told of the report as soon as the pass can't be undone any more. `records` are
    shared by all passes of the process, `breaker` and `on_the_way` by those that use the
    embedder. `elsewhere` opens an executor on other hosts, which visit files by themselves.
    """

    pool: asyncpg.Pool
    realm: RealmRow
    source: Source
    embedder: Embedder
    embedder_id: int
    visitor: Visitor
    settings: Settings
    recipe: str
    tracker: Tracker
    fence: Fence
    records: KeptRecords
    breaker: Breaker
    on_the_way: OnTheWay
    settle: Callable[[Connection, PassReport], Awaitable[None]]
    ended: Callable[[PassReport], None]
    elsewhere: Elsewhere | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """What an update did, for the report of the pass."""

    invalidation: Invalidation
    plan: Plan
    shape: PlanShape
    concurrency: int
    reused: int
    failed: int
    texts_embedded: int

    @property
    def renamed(self) -> int:
        return sum(each.why is Why.RENAMED for each in self.invalidation.visits.values())

    def explanations(self) -> Iterator[tuple[str, ExplanationRow]]:
        """Why each file was visited, by key; the first `MAX_EXPLAINED`."""
        for key, reason in sorted(self.invalidation.visits.items())[:MAX_EXPLAINED]:
            yield key, (True, str(reason.why), reason.cause, list(reason.names))


async def update(context: PassContext, found: Changes, working: Working) -> Update:
    """Visit whatever the changes concern, and store the results as working rows."""
    with Spool() as spool:
        async with _executor(context, found) as (executor, away):
            return await _Updating(context, found, working, executor, spool, away=away).run()


@asynccontextmanager
async def _executor(context: PassContext, found: Changes) -> AsyncIterator[tuple[Executor, bool]]:
    """What parses, and whether it visits as well: on other hosts, and for many files only."""
    keys = found.to_visit
    few = len(keys) <= INLINE_FILES
    if few and sum(found.stamps[key].size for key in keys) <= INLINE_BYTES:
        # Many may read what the few define, or looked for a file that went.
        async with worker_processes(context.settings.worker_processes) as processes:
            threads = Threads(limit=context.settings.worker_processes)
            yield Overflow(threads, processes, room=INLINE_LOADS), False
    elif context.elsewhere is not None and can_travel(context.source):
        async with context.elsewhere() as executor:
            yield executor, True
    else:
        async with worker_processes(context.settings.worker_processes) as processes:
            yield processes, False


class _Updating:
    """An update while it runs."""

    def __init__(
        self,
        context: PassContext,
        found: Changes,
        working: Working,
        executor: Executor,
        spool: Spool,
        *,
        away: bool,
    ) -> None:
        self._context = context
        self._settings = context.settings
        self._tracker = context.tracker
        self._found = found
        # What a cluster runs again may have written its row the first time.
        self._working = RepeatableWorking.of(working) if away else working
        self._executor = executor
        self._away = away
        self._failed_away = self._texts_away = 0
        # To look whether it foretells takes longer than to look at a file's texts.
        visitor = context.visitor
        self._foreteller = visitor if isinstance(visitor, Foreteller) else None
        self._foretelling: Foretelling | None = None
        self._seconds: dict[str, float] = {}
        self._visit_seconds = 0.0
        self._tree = SnapshotTree(
            context.source, found.stamps, max_bytes=context.settings.max_file_bytes
        )
        self._modules = Modules(
            context.source,
            self._tree,
            ParsedAway(executor, self._terms()) if away else executor,
            spool,
            max_bytes=context.settings.max_file_bytes,
            chunk_chars=context.settings.chunk_chars,
            loaded=self._loaded,
        )
        self._invalidator = Invalidator(
            context.pool,
            context.realm.id,
            found,
            self._modules,
            limit=LOADS_IN_HAND * context.settings.worker_processes,
            expect=context.tracker.expect,
        )
        self._entries = Entries(
            context.source,
            context.visitor,
            executor,
            self._modules,
            self._invalidator.cache,
            realm=context.realm.name,
            recipe=context.recipe,
            embedder_id=context.embedder_id,
            stamps=found.stamps,
            max_file_bytes=context.settings.max_file_bytes,
            content_hash=self._invalidator.content_hash,
        )

    async def run(self) -> Update:
        self._tracker.enter(Phase.PREWARM)
        async with self._embedding() as embedding:
            vectors = embedding.vectors
            invalidation = await self._prewarmed(vectors)
            reused = await self._entries.adopt(
                self._working, invalidation.visits, self._invalidator.live_fingerprint
            )
            plan = self._plan(invalidation.visits.keys() - reused)
            concurrency = self._concurrency(plan)
            total = len(plan) + len(reused) + len(self._found.problems)
            self._tracker.begin_visits(total, reused=len(reused))
            await self._visit_and_write(plan, concurrency, vectors)
            texts = embedding.queue.statistics().texts + self._texts_away
        self._check_configuration()
        shape = shape_of(
            plan, self._seconds, concurrency=concurrency, visit_seconds=self._visit_seconds
        )
        failed = self._entries.failed + self._failed_away
        return Update(invalidation, plan, shape, concurrency, len(reused), failed, texts)

    def _check_configuration(self) -> None:
        """Resolution read configuration by itself: it must be what the pass knows of it."""
        for key, content_hash in self._tree.read_hashes.items():
            facts, known = self._modules.facts(key), self._found.recorded.get(key)
            expected = facts or known
            # No hash means that it could not be parsed, which may be for no fault of its own.
            if expected and expected.content_hash not in (b"", content_hash):
                raise SnapshotMoved(key)

    def _plan(self, keys: set[str]) -> Plan:
        """The visits in dependency order, by the edges that were found in this pass."""
        edges = {key: each.edges if (each := self._modules.facts(key)) else () for key in keys}
        return DependencyGraph(edges).plan()

    def _concurrency(self, plan: Plan) -> int:
        width = plan.max_layer_width
        concurrency = visit_concurrency(
            len(plan),
            width,
            envelope=render_envelope(self._settings.prerender_tabs),
            cap=self._settings.index_concurrency,
        )
        log_plan(self._context.realm.name, plan, concurrency)
        return concurrency

    @asynccontextmanager
    async def _embedding(self) -> AsyncIterator[PassEmbedding]:
        """The embedder's queue; where it pays, with what asks it before the visits do."""
        context = self._context
        async with (
            pass_embedding(
                context.embedder,
                self._executor,
                self._settings,
                self._working,
                breaker=context.breaker,
                on_the_way=context.on_the_way,
            ) as embedding,
            anyio.create_task_group() as tasks,
        ):
            if embedding.is_paid and self._foreteller is not None:
                self._foretelling = Foretelling(embedding.vectors, tasks)
            yield embedding

    async def _prewarmed(self, vectors: PaidOnce) -> Invalidation:
        vectors.supply(Supply.MORE)
        return await self._invalidator.follow()

    def _loaded(self, module: Module) -> None:
        """A file was parsed. If it will be visited its texts need not wait for that."""
        self._context.tracker.loaded()
        ahead, visitor, analysed = self._foretelling, self._foreteller, module.analysed
        if ahead is None or visitor is None:
            return
        if visitor.foretells(analysed.language) and self._invalidator.will_visit(analysed.key):
            ahead.tell(lambda: _texts(module))

    async def _visit_and_write(self, plan: Plan, concurrency: int, vectors: PaidOnce) -> None:
        outbox = Outbox()

        async def write() -> None:
            await write_all(outbox, self._working, vectors, written=self._written)

        async def visit(key: str, slot: Slot) -> None:
            began = time.perf_counter()
            outcome = await self._entries.visit(key, slot)
            self._seconds[key] = time.perf_counter() - began - slot.waited_seconds
            await outbox.put(outcome)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            for problem in self._found.problems:
                await outbox.put(_failed(problem.key, problem.reason))
            began = time.perf_counter()
            if self._away:
                await self._visit_away(plan, concurrency, outbox)
            else:
                await visit_all(plan, visit, limit=concurrency)
            self._visit_seconds = time.perf_counter() - began
            outbox.close()

    async def _visit_away(self, plan: Plan, concurrency: int, outbox: Outbox) -> None:
        """On other hosts, which write what they have visited. What they can't is written here."""

        async def failed(key: str, reason: str) -> None:
            await outbox.put(self._entries.failed_entry(key, reason))

        await visit_all_away(
            plan,
            self._executor,
            self._briefing(),
            limit=concurrency,
            visited=self._visited_away,
            failed=failed,
        )

    def _visited_away(self, visited: Visited) -> None:
        self._seconds |= visited.seconds
        self._failed_away += visited.failed
        self._texts_away += visited.texts
        self._tracker.done += len(visited.seconds)
        self._tracker.chunks += visited.chunks

    def _terms(self) -> Terms:
        context = self._context
        return Terms(self._working.token, context.recipe, name_of(context.visitor))

    def _briefing(self) -> Briefing:
        context, found, facts = self._context, self._found, self._modules.all_facts()
        return Briefing(
            self._terms(),
            context.realm.id,
            context.realm.name,
            context.fence,
            context.embedder_id,
            found.snapshot.listed_at_ns,
            self._working.keeps_chunks,
            context.source,
            found.stamps,
            {key: each._replace(edges=()) for key, each in facts.items()},
            {
                key: Seen(each.content_hash, each.definition_fingerprint)
                for key, each in found.recorded.items()
                if key not in facts
            },
        )

    def _written(self, outcomes: Sequence[Outcome]) -> None:
        self._tracker.done += len(outcomes)
        self._tracker.chunks += sum(
            len(each.chunks) for each in outcomes if isinstance(each, WorkingEntry)
        )


def _texts(module: Module) -> Iterator[tuple[bytes, str]]:
    for chunk, prepared in module.open_chunks():
        yield prepared.text_hash, embedded_text(chunk.symbol, chunk.text)


def log_plan(realm: str, plan: Plan, concurrency: int) -> None:
    """The one line by which a pass can be found in a log."""
    log.info(
        "visit plan: files=%d maxLayerWidth=%d topoDepth=%d concurrency=%d realm=%s",
        len(plan), plan.max_layer_width, plan.topo_depth, concurrency, realm,
    )  # fmt: skip


def _failed(key: str, reason: str) -> FailedEntry:
    """The entry of something that can't even be opened. What is there may change any time."""
    return FailedEntry(key, b"", NO_STAMP, "", "", reason, retry=False)
