"""One pass over a realm: discover, plan, prewarm, visit, swap. Knows nothing of jobs."""

import logging
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import anyio.to_thread
import asyncpg

from engine.discover import Comparison, Recorded, changed_files, compare, stored_stamp
from engine.embedders import Embedder
from engine.embedding import EmbeddingQueue, embedding_queue
from engine.errors import PassFailed
from engine.executors import Executor, Threads, worker_processes
from engine.index import live
from engine.index.live import Dependencies, RealmRow, Totals
from engine.index.working import FailedEntry, SwapOrder, Working, WorkingEntry
from engine.modules import Module, Modules, SnapshotTree
from engine.prepare_drafts import prepared_drafts
from engine.recipe import recipe
from engine.report import PassReport, Phase, Tracker
from engine.settings import Settings
from engine.sources import Snapshot, Source, SourceError, SourceFile, Stamp
from engine.spool import Spool
from engine.vectors import PaidOnce
from engine.visit import DefinitionUnavailable, File, VisitContext, Visitor
from engine.visit_all import visit_all
from engine.writing import Outbox, Outcome, write_all
from prewarm import Definition, DefinitionCache, DefinitionError, PostgresDefinitions, prewarm
from resolver import DependencyGraph, Plan, render_envelope, visit_concurrency

log = logging.getLogger("widthwise.passes")

# A snapshot that moves under the pass is taken again this often before the pass gives up.
MAX_SNAPSHOTS = 4

# With less to parse, starting worker processes takes longer than parsing here.
INLINE_FILES = 12
INLINE_BYTES = 400_000

NO_STAMP = Stamp(0, 0, 0, 0)


class _SnapshotMoved(Exception):
    """A file vanished between its listing and its reading."""


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


@dataclass(frozen=True, slots=True)
class Changes:
    """What discovery found. Files and keys are sorted."""

    snapshot: Snapshot
    recorded: dict[str, Recorded]
    added: tuple[SourceFile, ...]
    modified: tuple[SourceFile, ...]
    again: tuple[SourceFile, ...]
    touched: tuple[SourceFile, ...]
    deleted: tuple[str, ...]
    problems: tuple[FailedEntry, ...]

    @property
    def to_visit(self) -> list[SourceFile]:
        return sorted((*self.added, *self.modified, *self.again))

    @property
    def nothing(self) -> bool:
        return not (self.added or self.modified or self.again or self.deleted or self.problems)


async def run_pass(context: PassContext, *, from_scratch: bool = False) -> PassReport:
    """Bring the live index of a realm up to its source.

    Raises `PassFailed` if the source can't be listed and `StalePass` if another pass took
    the realm; the live index is then as it was, as it is after a cancellation.
    """
    for _ in range(MAX_SNAPSHOTS):
        try:
            return await _Pass(context).run(from_scratch=from_scratch)
        except _SnapshotMoved as moved:
            log.info("realm=%s: %s vanished during the pass; listing again",
                     context.realm.name, moved)  # fmt: skip
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

    async def run(self, *, from_scratch: bool) -> PassReport:
        self._tracker.enter(Phase.DISCOVER)
        changes = await self._discover(from_scratch=from_scratch)
        working = await Working.begin(
            self._pool,
            self._realm.id,
            embedder_id=self._context.embedder_id,
            listed_at_ns=changes.snapshot.listed_at_ns,
        )
        try:
            report = await self._update(changes, working)
        except _SnapshotMoved:
            raise
        except Exception as error:
            await working.finish(error=f"{type(error).__name__}: {error}", report=None)
            raise
        await working.finish(error=None, report=report.as_json())
        return report

    async def _discover(self, *, from_scratch: bool) -> Changes:
        everything = from_scratch or self._realm.recipe != self._context.recipe
        try:
            snapshot = await anyio.to_thread.run_sync(self._context.source.snapshot)
        except SourceError as error:
            raise PassFailed(f"{self._realm.name}: {error}") from None
        recorded = await live.recorded(self._pool, self._realm.id)
        compared = compare(snapshot, recorded, everything=everything)
        modified, touched = await self._hash(compared, recorded)
        return Changes(
            snapshot,
            recorded,
            compared.added,
            tuple(modified),
            compared.failed,
            tuple(touched),
            compared.deleted,
            tuple(_new_problems(snapshot, recorded)),
        )

    async def _hash(
        self, compared: Comparison, recorded: dict[str, Recorded]
    ) -> tuple[list[SourceFile], list[SourceFile]]:
        if not compared.suspects:
            return [], []
        max_bytes = self._settings.max_file_bytes
        return await anyio.to_thread.run_sync(
            lambda: changed_files(
                self._context.source, compared.suspects, recorded.__getitem__, max_bytes=max_bytes
            )
        )

    async def _update(self, changes: Changes, working: Working) -> PassReport:
        order = SwapOrder(
            self._context.recipe, changes.snapshot.revision, changes.deleted, changes.touched
        )
        if changes.nothing:
            await working.touch(order)
            return await self._report(changes, self._realm.generation)
        with Spool() as spool:
            async with self._executor(changes.to_visit) as executor:
                files = _Files(self._context, changes, executor, spool)
                await files.prewarm()
                self._tracker.enter(Phase.VISIT, total=len(files.visits))
                plan = files.plan()
                concurrency = self._concurrency(plan)
                embedded = await self._visit(files, plan, concurrency, working)
        self._tracker.enter(Phase.SWAP)
        generation = await working.swap(order)
        return await self._report(
            changes,
            generation,
            files=files,
            plan=plan,
            concurrency=concurrency,
            texts_embedded=embedded,
        )

    @asynccontextmanager
    async def _executor(self, files: Sequence[SourceFile]) -> AsyncIterator[Executor]:
        few = len(files) <= INLINE_FILES and sum(f.stamp.size for f in files) <= INLINE_BYTES
        if few:
            yield Threads(limit=self._settings.worker_processes)
            return
        async with worker_processes(self._settings.worker_processes) as processes:
            yield processes

    def _concurrency(self, plan: Plan) -> int:
        width = plan.max_layer_width
        concurrency = visit_concurrency(
            len(plan.order),
            width,
            envelope=render_envelope(self._settings.prerender_tabs),
            cap=self._settings.index_concurrency,
        )
        log.info(
            "visit plan: files=%d maxLayerWidth=%d topoDepth=%d concurrency=%d realm=%s",
            len(plan.order), width, plan.topo_depth, concurrency, self._realm.name,
        )  # fmt: skip
        return concurrency

    async def _visit(self, files: "_Files", plan: Plan, concurrency: int, working: Working) -> int:
        """Visit, embed and store; returns how many texts had to be embedded."""
        async with embedding_queue(
            self._context.embedder,
            batch_size=self._settings.embed_batch_size,
            concurrency=self._settings.embed_concurrency,
            timeout_seconds=self._settings.embed_timeout_seconds,
        ) as queue:
            await self._visit_and_write(files, plan, concurrency, working, queue)
            return queue.statistics().texts

    async def _visit_and_write(
        self,
        files: "_Files",
        plan: Plan,
        concurrency: int,
        working: Working,
        queue: EmbeddingQueue,
    ) -> None:
        known = working.known_vectors if await working.knows_any() else None
        outbox = Outbox()

        async def visit(key: str) -> None:
            await outbox.put(await files.visit(key))

        async with anyio.create_task_group() as tasks:
            vectors = PaidOnce(queue, known)
            tasks.start_soon(lambda: write_all(outbox, working, vectors, written=self._written))
            for problem in files.problems:
                await outbox.put(problem)
            await visit_all(plan, visit, limit=concurrency)
            outbox.close()

    def _written(self, outcomes: Sequence[Outcome]) -> None:
        self._tracker.done += len(outcomes)
        self._tracker.chunks += sum(
            len(each.chunks) for each in outcomes if isinstance(each, WorkingEntry)
        )

    async def _report(
        self,
        changes: Changes,
        generation: int,
        *,
        files: "_Files | None" = None,
        plan: Plan | None = None,
        concurrency: int = 0,
        texts_embedded: int = 0,
    ) -> PassReport:
        totals: Totals = await live.totals(self._pool, self._realm.id)
        self._tracker.enter(Phase.DONE)
        invalidated = len(files.invalidated) if files else 0
        visited = len(files.visits) if files else 0
        return PassReport(
            realm=self._realm.name,
            generation=generation,
            revision=changes.snapshot.revision,
            files=totals.files,
            chunks=totals.chunks,
            errors=totals.errors,
            skipped=totals.skipped,
            added=len(changes.added),
            modified=len(changes.modified),
            touched=len(changes.touched),
            deleted=len(changes.deleted),
            invalidated=invalidated,
            visited=visited,
            cut_off=invalidated - visited,
            failed=files.failed if files else 0,
            chunks_written=self._tracker.chunks,
            texts_embedded=texts_embedded,
            max_layer_width=plan.max_layer_width if plan else 0,
            topo_depth=plan.topo_depth if plan else 0,
            concurrency=concurrency,
            seconds=round(time.monotonic() - self._started, 3),
            phases=dict(self._tracker.seconds),
            warnings=tuple(files.warnings) if files else (),
        )


def _new_problems(snapshot: Snapshot, recorded: dict[str, Recorded]) -> Iterable[FailedEntry]:
    """What can't be indexed because of its name or kind, unless the index says so already."""
    for problem in snapshot.problems:
        known = recorded.get(problem.key)
        if known is None or known.error != problem.reason:
            yield FailedEntry(problem.key, b"", NO_STAMP, "", problem.reason, retry=False)


class _Files:
    """The files of a pass: which are visited, what they depend on, and each visit."""

    def __init__(
        self, context: PassContext, changes: Changes, executor: Executor, spool: Spool
    ) -> None:
        self._context = context
        self._pool = context.pool
        self._realm_id = context.realm.id
        self._changes = changes
        self._executor = executor
        self._stamps = {file.key: file.stamp for file in changes.snapshot.files}
        self._modules = Modules(
            context.source,
            SnapshotTree(context.source, self._stamps),
            executor,
            spool,
            max_bytes=context.settings.max_file_bytes,
            chunk_chars=context.settings.chunk_chars,
        )
        self._cache = DefinitionCache(
            self._modules.load,
            store=PostgresDefinitions(
                self._pool, f"realm:{self._realm_id}", version_of=self._version_of
            ),
        )
        self.problems = changes.problems
        self.visits: set[str] = set()
        self.invalidated: set[str] = set()
        self.warnings: list[str] = []
        self.failed = 0

    async def prewarm(self) -> None:
        """Load the definitions of what changed, and follow those that changed to their readers.

        Whatever the visits will read beside that is loaded too, so that a visit waits for
        nothing. Afterwards `visits` are known.
        """
        recorded, probers = await self._recorded_edges()
        graph = DependencyGraph(recorded.edges)
        changed = {file.key for file in self._changes.to_visit}
        gone = set(self._changes.deleted)
        self.invalidated = (graph.invalidated_by(changed | probers | gone) | changed) - gone
        self._context.tracker.enter(Phase.PREWARM, total=len(changed))

        await self._cache.invalidate(sorted(gone))
        frontier = changed | probers
        readers = _readers(graph, gone)
        while frontier:
            redefined = await self._load(frontier, recorded.fingerprints)
            readers |= _readers(graph, redefined)
            frontier = readers - self.visits - gone
        await self._warm_what_visits_read(recorded.edges)

    async def _recorded_edges(self) -> tuple[Dependencies, set[str]]:
        if not self._changes.recorded:
            return Dependencies({}, {}), set()
        recorded = await live.dependencies(self._pool, self._realm_id)
        appeared = [file.key for file in self._changes.added]
        moved = [*appeared, *self._changes.deleted]
        probers = await live.probers(self._pool, self._realm_id, moved) if moved else []
        return recorded, set(probers) & self._stamps.keys()

    async def _load(self, keys: set[str], fingerprints: dict[str, str]) -> set[str]:
        """Parse files that will be visited; returns those that now define something else."""
        self.visits |= keys
        await self._cache.invalidate(sorted(keys))
        report = await prewarm(sorted(keys), self._cache, limit=self._prewarm_limit)
        self.warnings.extend(reason for _, reason in report.failed)
        if self._modules.vanished:
            raise _SnapshotMoved(min(self._modules.vanished))
        return {key for key in keys if self._fingerprint(key) != fingerprints.get(key)}

    def _fingerprint(self, key: str) -> str:
        facts = self._modules.facts(key)
        return facts.fingerprint if facts else ""

    async def _warm_what_visits_read(self, edges: dict[str, list[str]]) -> None:
        wanted: set[str] = set()
        for key in self.visits:
            facts = self._modules.facts(key)
            wanted.update(facts.edges if facts else (), edges.get(key, ()))
        others = wanted - self.visits
        others &= self._stamps.keys()
        if others:
            await prewarm(sorted(others), self._cache, limit=self._prewarm_limit)

    @property
    def _prewarm_limit(self) -> int:
        return 32 * self._context.settings.worker_processes

    def plan(self) -> Plan:
        """The visits in dependency order, by the edges found in this pass."""
        edges = {}
        for key in self.visits:
            facts = self._modules.facts(key)
            edges[key] = facts.edges if facts else ()
        return DependencyGraph(edges).plan()

    async def visit(self, key: str) -> Outcome:
        """One file's entry. Whatever goes wrong with it is its own error entry."""
        module = self._modules.module(key)
        try:
            return await self._entry(module)
        except Exception as error:
            log.warning("visit of %s failed: %s: %s", key, type(error).__name__, error)
            return self._failure(module, f"{type(error).__name__}: {error}", retry=True)

    async def _entry(self, module: Module) -> Outcome:
        analysed = module.analysed
        if analysed.error is not None:
            return self._failure(module, analysed.error, retry=analysed.retry)
        visitor_context = VisitContext(self._definition)
        visit = await self._context.visitor.visit(self._file(module), visitor_context)
        return WorkingEntry(
            analysed.key,
            analysed.content_hash,
            stored_stamp(self._stamps[analysed.key]),
            analysed.language,
            self._fingerprint(analysed.key),
            _sorted_keys(visitor_context.dependencies, module.consulted, but=analysed.key),
            module.probes,
            visit.diagnostics,
            analysed.skipped,
            await prepared_drafts(self._executor, analysed.key, visit.chunks),
        )

    def _file(self, module: Module) -> File:
        analysed = module.analysed
        source, limit = self._context.source, self._context.settings.max_file_bytes

        async def read() -> bytes:
            return await anyio.to_thread.run_sync(
                lambda: source.read(analysed.key, max_bytes=limit)
            )

        return File(
            analysed.key,
            analysed.content_hash,
            analysed.size,
            analysed.language,
            analysed.diagnostics,
            module.links,
            module.open_chunks(),
            read,
        )

    def _failure(self, module: Module, error: str, *, retry: bool) -> FailedEntry:
        self.failed += 1
        analysed = module.analysed
        stamp = stored_stamp(self._stamps[analysed.key])
        return FailedEntry(
            analysed.key, analysed.content_hash, stamp, analysed.language, error, retry
        )

    async def _definition(self, key: str) -> Definition:
        try:
            return await self._cache.get(key)
        except DefinitionError as error:
            raise DefinitionUnavailable(str(error)) from None

    def _version_of(self, key: str) -> str:
        """The content that a definition must have been made from to be of use here."""
        if facts := self._modules.facts(key):
            return facts.content_hash.hex()
        if key in self.visits:
            return ""
        known = self._changes.recorded.get(key)
        return known.content_hash.hex() if known else ""


def _readers(graph: DependencyGraph, keys: Iterable[str]) -> set[str]:
    return {reader for key in keys for reader in graph.dependents(key)}


def _sorted_keys(*groups: Iterable[str], but: str) -> tuple[str, ...]:
    return tuple(sorted({key for group in groups for key in group} - {but}))
