"""Runs sequences of edits and passes on a real tree and database, and checks each pass."""

import asyncio
import contextlib
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import asyncpg
from loop_suspensions import Suspensions
from pass_oracle import difference, fresh_rows, left_behind, live, may_be_visited, visited
from tree_contents import MAX_FILE_BYTES
from tree_edits import Edit
from tree_sequences import Cancel, EditDuring, Index, IndexTwice, Sequence, Tree

from engine import Engine, Folder, Isolation, Job, JobState, PassReport, Settings, Work

PATIENCE_SECONDS = 120.0
"""No sequence takes that long; this only turns a standstill into a failure."""


class Laboratory:
    """Two engines on one database, and a place for trees. Its sequences run one at a time.

    A realm is added to both, so that each pass is made by whichever of them is quicker.
    """

    def __init__(
        self,
        folder: Path,
        connection: "asyncpg.Connection[asyncpg.Record]",
        engines: tuple[Engine, Engine],
        suspensions: Suspensions,
        source: type[Folder],
    ) -> None:
        self.source = source
        self.tally: Counter[str] = Counter()
        self.engines = engines
        self.connection = connection
        self.suspensions = suspensions
        self._folder = folder
        self._numbers = count()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, dsn: str, folder: Path, *, source: type[Folder] = Folder
    ) -> AsyncIterator["Laboratory"]:
        suspensions = Suspensions(asyncio.get_running_loop())
        async with AsyncExitStack() as stack:
            engines = (
                await stack.enter_async_context(opened(dsn, folder)),
                await stack.enter_async_context(opened(dsn, folder)),
            )
            connection = await asyncpg.connect(dsn)
            stack.push_async_callback(connection.close)
            yield cls(folder, connection, engines, suspensions, source)

    async def run(self, sequence: Sequence) -> None:
        name = f"realm {next(self._numbers)}"
        root = sequence.write_tree(self._folder / name)
        try:
            with anyio.fail_after(PATIENCE_SECONDS):
                await _Run(self, root, name).all(sequence)
        finally:
            await self.engines[0].delete_realm(name)
            shutil.rmtree(root)
        self.tally["sequences"] += 1

    async def compare(self, capped: dict[int, Engine], tree: Tree, edited: Iterable[Edit]) -> None:
        """Index a tree, and again once it is edited, with each of the engines."""
        root = Sequence(tree).write_tree(self._folder / f"realm {next(self._numbers)}")
        names = {cap: f"{root.name} at {cap}" for cap in capped}
        try:
            await self._index_all(capped, names, root)
            for edit in edited:
                edit.apply(root)
            await self._index_all(capped, names, root)
        finally:
            for cap, engine in capped.items():
                await engine.delete_realm(names[cap])
            shutil.rmtree(root)

    async def _index_all(
        self, capped: dict[int, Engine], names: dict[int, str], root: Path
    ) -> None:
        for cap, engine in capped.items():
            await engine.add_realm(names[cap], Folder(root))
            report = await (await engine.index(names[cap])).finished()
            assert report.concurrency <= cap
            self.tally[f"passes with {report.concurrency} visits at once"] += 1
        one, *others = [(await live(self.connection, name)).rows for name in names.values()]
        assert all(other == one for other in others)


@asynccontextmanager
async def opened(dsn: str, home: Path, **options: Any) -> AsyncIterator[Engine]:
    """An engine that runs the jobs of its own realms, here, and tries each of them once."""
    settings = Settings(
        home=home,
        dsn=dsn,
        embedder="hashed",
        worker_processes=1,
        max_file_bytes=MAX_FILE_BYTES,
        isolation=Isolation.INLINE,
        max_attempts=1,
        **options,
    )
    async with Engine.open(settings, work=Work.ADDED) as engine:
        yield engine


def runs_here(*engines: Engine) -> bool:
    """Whether a job is some engine's at this moment: claimed, and not settled yet."""
    return any(engine._worker.running for engine in engines if engine._worker)


async def nothing_runs_here(*engines: Engine) -> None:
    """Wait for the last job to leave: it ends for others a moment before it does here."""
    with anyio.fail_after(PATIENCE_SECONDS):
        while runs_here(*engines):
            await anyio.lowlevel.checkpoint()


def cancel_here(*engines: Engine) -> None:
    """Stop what runs in this process at its next await, in the midst of a step of the loop."""
    for worker in (engine._worker for engine in engines if engine._worker):
        for job_id in worker.running:
            worker.cancel(job_id)


class _Run:
    """One sequence on its way."""

    def __init__(self, laboratory: Laboratory, root: Path, name: str) -> None:
        self._laboratory = laboratory
        self._connection = laboratory.connection
        self._engines = laboratory.engines
        self._tally = laboratory.tally
        self._root = root
        self._name = name
        self._source = laboratory.source(root)

    async def all(self, sequence: Sequence) -> None:
        for engine in self._engines:
            await engine.add_realm(self._name, self._source)
        for step in (Index(0), *sequence.steps, Index(1)):
            self._tally[type(step).__name__] += 1
            match step:
                case Index(number):
                    await self._index(self._engines[number])
                case Cancel(at, number):
                    await self._cancel(self._engines[number], at)
                case EditDuring(edit, at, undone):
                    await self._edit_during(partial(edit.apply, self._root), at, undone=undone)
                case IndexTwice():
                    await self._index_twice()
                case _:
                    step.apply(self._root)

    async def _index(self, engine: Engine) -> None:
        before = await live(self._connection, self._name)
        report = await (await engine.index(self._name)).finished()
        await self._check(engine, before.rows, before.embedded, report)

    async def _cancel(self, engine: Engine, at: int) -> None:
        before = await live(self._connection, self._name)
        await nothing_runs_here(*self._engines)
        with self._acting(partial(cancel_here, *self._engines), at=at):
            job = await engine.index(self._name)
            state = await _ended(job)
        if state is JobState.SUCCEEDED:
            await self._check(engine, before.rows, before.embedded, await job.finished())
            return
        assert state is JobState.CANCELLED, job.error
        self._tally["cancelled passes"] += 1
        after = await live(self._connection, self._name)
        assert after.rows == before.rows, "a cancelled pass changed the live index"

    async def _edit_during(self, edit: Callable[[], None], at: int, *, undone: bool) -> None:
        aside = self._root.with_name("aside")
        shutil.copytree(self._root, aside, symlinks=True)
        await nothing_runs_here(*self._engines)
        with self._acting(edit, at=at):
            await (await self._engines[0].index(self._name)).finished()
        self._tally["passes"] += 1
        self._tally["edits undone behind a pass"] += undone
        if undone:
            shutil.rmtree(self._root)
            aside.rename(self._root)
        else:
            shutil.rmtree(aside)

    async def _index_twice(self) -> None:
        jobs = [await engine.index(self._name) for engine in self._engines]
        for job in jobs:
            await job.finished()
        await self._check_rows(self._engines[0])

    def _acting(
        self, act: Callable[[], object], *, at: int
    ) -> contextlib.AbstractContextManager[None]:
        """Within the block, `act` at suspension `at` of the pass, wherever it runs."""
        counting = partial(runs_here, *self._engines)
        return self._laboratory.suspensions.acting(act, at=at, counting=counting)

    async def _check(
        self, engine: Engine, before: dict[str, Any], embedded: frozenset[str], report: PassReport
    ) -> None:
        after = await live(self._connection, self._name)
        new_texts = after.texts - embedded
        assert report.texts_embedded == len(new_texts), (report.texts_embedded, new_texts)
        done = await visited(engine, report) if report.visited else set()
        needless = done - may_be_visited(before, after.rows)
        assert not needless, f"visited without a reason: {needless}"
        assert report.visited <= len(done), (report.visited, done)
        assert report.files == len(after.rows)
        assert report.cut_off >= 0
        self._count(report)
        await self._check_rows(engine)

    async def _check_rows(self, engine: Engine) -> None:
        ours = (await live(self._connection, self._name)).rows
        theirs = await fresh_rows(self._connection, engine, self._source)
        assert not (found := difference(ours, theirs)), "\n".join(found)
        assert await left_behind(self._connection) == (0, 0, 0)
        again = await (await engine.index(self._name)).finished()
        assert (again.visited, again.deleted, again.texts_embedded) == (0, 0, 0)

    def _count(self, report: PassReport) -> None:
        self._tally["passes"] += 1
        for name in ("visited", "cut_off", "deleted", "errors", "skipped", "texts_embedded"):
            self._tally[f"{name} (sum)"] += getattr(report, name)
        self._tally["passes with a cut-off"] += report.cut_off > 0
        self._tally["passes that reused visits"] += report.reused > 0
        own = report.added + report.modified
        self._tally["passes that visited readers"] += report.visited + report.reused > own > 0


async def _ended(job: Job) -> JobState:
    """The state tells what an exception would."""
    with contextlib.suppress(Exception):
        await job.finished()
    return job.state
