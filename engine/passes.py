"""One pass over a realm: discover, plan, prewarm, visit, swap. Knows nothing of jobs."""

import logging
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import anyio.to_thread
import asyncpg

from engine.discover import Changes, changes
from engine.embedders import Embedder
from engine.embedding import EmbeddingQueue, embedding_queue
from engine.entries import Entries
from engine.errors import PassFailed, first_failure
from engine.executors import Executor, Threads, worker_processes
from engine.index import live
from engine.index.live import RealmRow
from engine.index.working import (
    ExplanationRow,
    FailedEntry,
    SwapOrder,
    Working,
    WorkingEntry,
)
from engine.invalidation import Invalidation, Invalidator, SnapshotMoved
from engine.modules import Modules, SnapshotTree
from engine.reasons import Why
from engine.recipe import recipe
from engine.report import Done, PassReport, Phase, Tracker
from engine.settings import Settings
from engine.sources import Source, SourceError, SourceFile, Stamp
from engine.spool import Spool
from engine.vectors import PaidOnce
from engine.visit import Visitor
from engine.visit_all import visit_all
from engine.writing import Outbox, Outcome, write_all
from resolver import DependencyGraph, Plan, render_envelope, visit_concurrency

log = logging.getLogger("widthwise.passes")

# A snapshot that moves under the pass is taken again this often before the pass gives up.
MAX_SNAPSHOTS = 4

# With less to parse, starting worker processes takes longer than parsing here.
INLINE_FILES = 12
INLINE_BYTES = 400_000

# So many reasons are kept of a pass; a larger one was about nearly everything.
MAX_EXPLAINED = 5_000


@dataclass(frozen=True, slots=True)
class PassContext:
    """What a pass works with. The realm is as it was when the pass began."""

    pool: asyncpg.Pool
    realm: RealmRow
    source: Source
    embedder: Embedder
    embedder_id: int
    visitor: Visitor
    settings: Settings
    tracker: Tracker

    @property
    def recipe(self) -> str:
        return recipe(
            self.visitor,
            self.embedder,
            chunk_chars=self.settings.chunk_chars,
            max_file_bytes=self.settings.max_file_bytes,
        )


async def run_pass(context: PassContext, *, from_scratch: bool = False) -> PassReport:
    """Bring the live index of a realm up to its source.

    Raises `PassFailed` if the source can't be listed and `StalePass` if another pass took
    the realm; the live index is then as it was, as it is after a cancellation.
    """
    for _ in range(MAX_SNAPSHOTS):
        try:
            return await _Pass(context).run(from_scratch=from_scratch)
        except* SnapshotMoved as moved:
            log.info("realm=%s: a file vanished during the pass (%s); listing again",
                     context.realm.name, moved.exceptions[0])  # fmt: skip
    raise PassFailed(f"{context.realm.name}: files keep vanishing while they are read")


class _Pass:
    """One attempt, over one snapshot."""

    def __init__(self, context: PassContext) -> None:
        self._context = context
        self._pool = context.pool
        self._realm = context.realm
        self._settings = context.settings
        self._tracker = context.tracker
        self._started = time.monotonic()
        self._explanations: dict[str, ExplanationRow] = {}

    async def run(self, *, from_scratch: bool) -> PassReport:
        self._tracker.enter(Phase.DISCOVER)
        found = await self._discover(from_scratch=from_scratch)
        working = await Working.begin(
            self._pool,
            self._realm.id,
            embedder_id=self._context.embedder_id,
            listed_at_ns=found.snapshot.listed_at_ns,
        )
        try:
            done = await (self._confirm if found.nothing else self._update)(found, working)
            report = await self._report(found, done)
        except Exception as error:
            cause = first_failure(error)
            await working.finish(error=f"{type(cause).__name__}: {cause}")
            raise
        await working.finish(error=None, report=report.as_json(), explanations=self._explanations)
        return report

    async def _discover(self, *, from_scratch: bool) -> Changes:
        everything = from_scratch or self._realm.recipe != self._context.recipe
        source = self._context.source
        try:
            snapshot = await anyio.to_thread.run_sync(source.snapshot)
        except SourceError as error:
            raise PassFailed(f"{self._realm.name}: {error}") from None
        recorded = await live.recorded(self._pool, self._realm.id)
        return await anyio.to_thread.run_sync(
            lambda: changes(
                snapshot,
                recorded,
                source,
                everything=everything,
                max_bytes=self._settings.max_file_bytes,
            )
        )

    async def _confirm(self, found: Changes, working: Working) -> Done:
        """Nothing changed: the live index is true, and is noted to be."""
        await working.touch(self._order(found))
        return Done(generation=self._realm.generation)

    async def _update(self, found: Changes, working: Working) -> Done:
        """Visit what the changes concern, and swap."""
        with Spool() as spool:
            async with self._executor(found.to_visit) as executor:
                modules = self._modules(found, executor, spool)
                self._tracker.enter(Phase.PREWARM)
                invalidator = Invalidator(
                    self._pool,
                    self._realm.id,
                    found,
                    modules,
                    limit=32 * self._settings.worker_processes,
                    expect=self._tracker.expect,
                )
                invalidation = await invalidator.follow()
                entries = Entries(
                    self._context.source,
                    self._context.visitor,
                    executor,
                    modules,
                    invalidator.cache,
                    recipe=self._context.recipe,
                    stamps=found.stamps,
                    max_file_bytes=self._settings.max_file_bytes,
                )
                adopted = await entries.adopt(
                    working, invalidation.visits, invalidator.live_fingerprints
                )
                plan = _plan(modules, invalidation.visits.keys() - adopted)
                concurrency = self._concurrency(plan)
                self._tracker.enter(Phase.VISIT, total=len(plan) + len(found.problems))
                embedded = await self._visit(found, entries, plan, concurrency, working)
        self._tracker.enter(Phase.SWAP)
        self._explanations = dict(_explanations(invalidation))
        return Done(
            generation=await working.swap(self._order(found)),
            invalidated=len(invalidation.visits) + len(invalidation.cut_off),
            visited=len(plan),
            reused=len(adopted),
            cut_off=len(invalidation.cut_off),
            renamed=sum(each.why is Why.RENAMED for each in invalidation.visits.values()),
            failed=entries.failed,
            texts_embedded=embedded,
            max_layer_width=plan.max_layer_width,
            topo_depth=plan.topo_depth,
            concurrency=concurrency,
            warnings=tuple(invalidation.warnings),
        )

    def _modules(self, found: Changes, executor: Executor, spool: Spool) -> Modules:
        return Modules(
            self._context.source,
            SnapshotTree(self._context.source, found.stamps),
            executor,
            spool,
            max_bytes=self._settings.max_file_bytes,
            chunk_chars=self._settings.chunk_chars,
            loaded=self._tracker.loaded,
        )

    def _order(self, found: Changes) -> SwapOrder:
        return SwapOrder(
            self._context.recipe, found.snapshot.revision, found.deleted, found.touched
        )

    @asynccontextmanager
    async def _executor(self, files: Sequence[SourceFile]) -> AsyncIterator[Executor]:
        few = len(files) <= INLINE_FILES
        if few and sum(file.stamp.size for file in files) <= INLINE_BYTES:
            yield Threads(limit=self._settings.worker_processes)
            return
        async with worker_processes(self._settings.worker_processes) as processes:
            yield processes

    def _concurrency(self, plan: Plan) -> int:
        width = plan.max_layer_width
        concurrency = visit_concurrency(
            len(plan),
            width,
            envelope=render_envelope(self._settings.prerender_tabs),
            cap=self._settings.index_concurrency,
        )
        log.info(
            "visit plan: files=%d maxLayerWidth=%d topoDepth=%d concurrency=%d realm=%s",
            len(plan), width, plan.topo_depth, concurrency, self._realm.name,
        )  # fmt: skip
        return concurrency

    async def _visit(
        self, found: Changes, entries: Entries, plan: Plan, concurrency: int, working: Working
    ) -> int:
        """Visit, embed and store; returns how many texts had to be embedded."""
        async with embedding_queue(
            self._context.embedder,
            batch_size=self._settings.embed_batch_size,
            concurrency=self._settings.embed_concurrency,
            timeout_seconds=self._settings.embed_timeout_seconds,
        ) as queue:
            vectors = await self._vectors(queue, working)
            outbox = Outbox()

            async def visit(key: str) -> None:
                await outbox.put(await entries.visit(key))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: write_all(outbox, working, vectors, written=self._written))
                for problem in found.problems:
                    await outbox.put(_failed(problem.key, problem.reason))
                await visit_all(plan, visit, limit=concurrency)
                outbox.close()
            return queue.statistics().texts

    async def _vectors(self, queue: EmbeddingQueue, working: Working) -> PaidOnce:
        known = working.known_vectors if await working.knows_any() else None
        return PaidOnce(queue, known)

    def _written(self, outcomes: Sequence[Outcome]) -> None:
        self._tracker.done += len(outcomes)
        self._tracker.chunks += sum(
            len(each.chunks) for each in outcomes if isinstance(each, WorkingEntry)
        )

    async def _report(self, found: Changes, done: Done) -> PassReport:
        totals = await live.totals(self._pool, self._realm.id)
        self._tracker.enter(Phase.DONE)
        return PassReport.of(
            done,
            realm=self._realm.name,
            revision=found.snapshot.revision,
            files=totals.files,
            chunks=totals.chunks,
            errors=totals.errors,
            skipped=totals.skipped,
            added=len(found.added),
            modified=len(found.modified),
            touched=len(found.touched),
            deleted=len(found.deleted),
            chunks_written=self._tracker.chunks,
            seconds=round(time.monotonic() - self._started, 3),
            phases=dict(self._tracker.seconds),
        )


def _plan(modules: Modules, keys: set[str]) -> Plan:
    """The visits in dependency order, by the edges that were found in this pass."""
    facts = {key: modules.facts(key) for key in keys}
    return DependencyGraph({key: each.edges if each else () for key, each in facts.items()}).plan()


def _failed(key: str, reason: str) -> FailedEntry:
    """The entry of something that can't even be opened. What is there may change any time."""
    return FailedEntry(key, b"", Stamp(0, 0, 0, 0), "", "", reason, retry=False)


def _explanations(invalidation: Invalidation) -> Iterator[tuple[str, ExplanationRow]]:
    kept = MAX_EXPLAINED
    for visited, reasons in ((True, invalidation.visits), (False, invalidation.cut_off)):
        for key, reason in sorted(reasons.items())[:kept]:
            yield key, (visited, str(reason.why), reason.cause, list(reason.names))
        kept = max(0, kept - len(reasons))
