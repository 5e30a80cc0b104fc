"""One pass over a realm: discover, update, swap. Knows nothing of jobs."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace

import anyio
import anyio.to_thread
import asyncpg

from engine.at_hand import at_hand
from engine.discover import Changes, Recorded, changes
from engine.errors import PassFailed, PermanentFailure, StalePass, first_failure
from engine.index import live
from engine.index.database import Connection
from engine.index.working import Settle, SwapOrder, Working
from engine.invalidation import SnapshotMoved
from engine.kept_records import Standing
from engine.report import Done, PassReport, Phase
from engine.sources import Snapshot, SourceError, SourceMissing
from engine.update import PassContext, Update, log_plan, update
from resolver import DependencyGraph

log = logging.getLogger("widthwise.passes")

# A snapshot that moves under the pass is taken again this often before the pass gives up.
MAX_SNAPSHOTS = 4

# How long a swap may take before it is given up.
SWAP_SECONDS = 600

# How long a pass that fails may take to say so in the history.
LAST_WORDS_SECONDS = 2


async def run_pass(context: PassContext, *, from_scratch: bool = False) -> PassReport:
    """Bring the live index of a realm up to its source.

    Raises `PermanentFailure` if there is no such source, `PassFailed` if it can't be listed
    now, and `StalePass` if the claim is no longer the job's; the live index is then as it
    was, as it is after a cancellation.
    """
    async with _brought(context) as here:
        for _ in range(MAX_SNAPSHOTS):
            try:
                return await _Pass(here).run(from_scratch=from_scratch)
            except* SnapshotMoved as moved:
                log.info("realm=%s: %s changed during the pass; listing again",
                         context.realm.name, first_failure(moved))  # fmt: skip
    raise PassFailed(f"{context.realm.name}: files keep changing while they are read")


@asynccontextmanager
async def _brought(context: PassContext) -> AsyncIterator[PassContext]:
    """The context with its source on this disk for the length of the block."""
    name = context.realm.name
    context.tracker.enter(Phase.FETCH)
    async with AsyncExitStack() as stack:
        with _failing_as_a_pass(name):
            moved = context.tracker.fetched
            here = at_hand(context.source, context.settings, name=name, moved=moved)
            source = await stack.enter_async_context(here)
        yield replace(context, source=source)


@contextmanager
def _failing_as_a_pass(name: str) -> Iterator[None]:
    try:
        yield
    except SourceMissing as error:
        raise PermanentFailure(f"{name}: {error}") from None
    except SourceError as error:
        raise PassFailed(f"{name}: {error}") from None


class _Pass:
    """One attempt, over one snapshot."""

    def __init__(self, context: PassContext) -> None:
        self._context = context
        self._pool = context.pool
        self._realm = context.realm
        self._tracker = context.tracker
        self._started = time.monotonic()

    async def run(self, *, from_scratch: bool) -> PassReport:
        self._tracker.enter(Phase.DISCOVER)
        found = await self._discover(from_scratch=from_scratch)
        working = await Working.begin(
            self._pool,
            self._realm.id,
            self._context.fence,
            embedder_id=self._context.embedder_id,
            listed_at_ns=found.snapshot.listed_at_ns,
            keeps_chunks=bool(found.recorded) and not found.everything,
        )
        try:
            return await self._run(found, working)
        except BaseException as error:
            await _leave_last_words(working, first_failure(error))
            raise

    async def _discover(self, *, from_scratch: bool) -> Changes:
        everything = from_scratch or self._realm.recipe != self._context.recipe
        source = self._context.source
        snapshot, recorded = await self._look()
        return await anyio.to_thread.run_sync(
            lambda: changes(
                snapshot,
                recorded,
                source,
                everything=everything,
                max_bytes=self._context.settings.max_file_bytes,
            )
        )

    async def _look(self) -> tuple[Snapshot, dict[str, Recorded]]:
        """What is there, and what the live index remembers: one is fetched while the other is
        listed.
        """
        recorded: dict[str, Recorded] = {}

        async def remember() -> None:
            recorded.update(await self._context.records.recorded(self._pool, self._realm.id))

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(remember)
                with _failing_as_a_pass(self._realm.name):
                    snapshot = await anyio.to_thread.run_sync(self._context.source.snapshot)
        except ExceptionGroup as failed:
            raise first_failure(failed) from None
        return snapshot, recorded

    async def _run(self, found: Changes, working: Working) -> PassReport:
        order = SwapOrder(
            self._context.recipe, found.snapshot.revision, found.deleted, found.touched
        )
        if found.nothing:
            log_plan(self._realm.name, DependencyGraph({}).plan(), 0)
            return await self._finish(found, working, working.touch, order, None)
        updated = await update(self._context, found, working)
        self._tracker.enter(Phase.SWAP)
        return await self._finish(found, working, working.swap, order, updated)

    async def _finish(
        self,
        found: Changes,
        working: Working,
        make_live: Callable[[SwapOrder, Settle], Awaitable[None]],
        order: SwapOrder,
        updated: Update | None,
    ) -> PassReport:
        """Swap, write the history and end the job, all in one transaction."""
        reports: list[PassReport] = []

        async def settle(connection: Connection, generation: int | None) -> None:
            done = _done(updated, generation=generation or self._realm.generation)
            report = await self._report(connection, found, done)
            # Realm, job, history: who ends a job takes its locks in the same order.
            await self._context.settle(connection, report)
            await working.finish(
                connection,
                error=None,
                report=report.as_json(),
                explanations=dict(updated.explanations()) if updated else {},
            )
            reports.append(report)

        # From here on the pass ends well or not at all: a caller who is told that it was
        # cancelled may count on the index being as it was.
        with anyio.fail_after(SWAP_SECONDS, shield=True):
            await make_live(order, settle)
            self._context.ended(reports[0])
        self._keep(found, working, reports[0].generation)
        log.info("pass done: %s realm=%s", _timings(self._tracker.seconds), self._realm.name)
        return reports[0]

    def _keep(self, found: Changes, working: Working, generation: int) -> None:
        """Let the next pass begin with what this one knew."""
        before = self._realm.generation
        if generation - before in (0, 1):
            standing = Standing(working.token, before, generation)
            self._context.records.keep(self._realm.id, standing, found.still_true())

    async def _report(self, connection: Connection, found: Changes, done: Done) -> PassReport:
        totals = await live.totals(connection, self._realm.id)
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


def _timings(seconds: Mapping[str, float]) -> str:
    return " ".join(f"{phase}={value:.3f}s" for phase, value in seconds.items())


def _done(updated: Update | None, *, generation: int) -> Done:
    if updated is None:
        return Done(generation=generation)
    invalidation, plan = updated.invalidation, updated.plan
    return Done(
        generation=generation,
        invalidated=len(invalidation.visits) + len(invalidation.cut_off),
        visited=len(plan),
        reused=updated.reused,
        cut_off=len(invalidation.cut_off),
        renamed=updated.renamed,
        failed=updated.failed,
        texts_embedded=updated.texts_embedded,
        max_layer_width=plan.max_layer_width,
        topo_depth=plan.topo_depth,
        concurrency=updated.concurrency,
        plan=updated.shape if len(plan) else None,
        warnings=tuple(invalidation.warnings),
    )


async def _leave_last_words(working: Working, error: BaseException) -> None:
    """Note in the history how the pass ended, if the database can still be told."""
    text = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else "cancelled"
    with anyio.move_on_after(LAST_WORDS_SECONDS, shield=True):
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, StalePass):
            await working.finish(error=text)
