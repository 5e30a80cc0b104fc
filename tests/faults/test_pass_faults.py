"""Parts that break under a pass: it fails with one error, and the next pass is right."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import anyio.from_thread
import asyncpg
import numpy as np
import pytest
from faulty_parts import FaultyEmbedder, FaultySource, FaultyVisitor
from live_trees import write_tree
from pass_checks import REALM, recovered, rows_of, version_tree
from pass_oracle import Row

from engine import DraftChunk, Engine, File, Job, JobState, PassFailed, Settings, Visit
from engine.index.embedded import embedded_postgres

PATIENCE_SECONDS = 60.0
"""What a test waits for takes no time; this only turns a standstill into a failure."""

FILES = 6

Fault: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Bench:
    """An engine of parts that can be broken, over a tree that is indexed and then edited."""

    def __init__(self, connection: Connection, root: Path) -> None:
        self.connection = connection
        self.root = root
        self.source = FaultySource(root)
        self.visitor = FaultyVisitor()
        self.embedder = FaultyEmbedder()
        self.engine: Engine
        self.before: dict[str, Row]

    @asynccontextmanager
    async def opened(self, dsn: str = "", **options: Any) -> AsyncIterator["Bench"]:
        settings = Settings(
            home=self.root.parent, dsn=dsn, worker_processes=1, max_attempts=1, **options
        )
        async with Engine.open(settings, embedder=self.embedder, visitor=self.visitor) as engine:
            self.engine = engine
            await engine.add_realm(REALM, self.source)
            yield self

    async def index_and_edit(self) -> None:
        write_tree(self.root, version_tree(0, FILES))
        await (await self.engine.index(REALM)).finished()
        self.before = await rows_of(self.connection)
        write_tree(self.root, version_tree(1, FILES))

    async def failure(self, job: Job | None = None) -> str:
        """The one error of the job, or of a new one, which has changed nothing."""
        job = job or await self.engine.index(REALM)
        with anyio.fail_after(PATIENCE_SECONDS), pytest.raises(PassFailed) as caught:
            await job.finished()
        assert job.state is JobState.FAILED
        assert job.error
        assert "ExceptionGroup" not in job.error
        assert str(caught.value) == f"{REALM}: {job.error}"
        assert await rows_of(self.connection) == self.before, job.error
        return job.error

    def mend(self) -> None:
        for part in (self.source, self.visitor, self.embedder):
            part.mend()

    async def recovered(self) -> None:
        self.mend()
        report = await recovered(self.connection, self.engine, self.root)
        assert (report.files, report.errors) == (FILES, 0)
        assert await rows_of(self.connection) != self.before


@pytest.fixture
def bench(connection: Connection, root: Path) -> Bench:
    return Bench(connection, root)


def break_at_snapshot(bench: Bench, fault: Fault) -> None:
    async def once_answered() -> None:
        # What the index remembers is asked for beside the listing.
        pool = bench.engine._pool
        with anyio.fail_after(PATIENCE_SECONDS):
            while pool.get_idle_size() < pool.get_size():  # noqa: ASYNC110 - it tells of no event
                await anyio.sleep(0.01)
        await fault()

    bench.source.at_snapshot = lambda: anyio.from_thread.run(once_answered)


def break_at_first_read(bench: Bench, fault: Fault) -> None:
    def at_read(_key: str) -> None:
        bench.source.mend()
        anyio.from_thread.run(fault)

    bench.source.at_read = at_read


def break_at_first_visit(bench: Bench, fault: Fault) -> None:
    async def answer(file: File) -> Any:
        bench.visitor.mend()
        await fault()
        return await bench.visitor.text(file)

    bench.visitor.answer = answer


def break_at_embedding(bench: Bench, fault: Fault) -> None:
    bench.embedder.before = fault


# Moments at which a pass waits for one thing and has no statement under way. Later reads and
# visits have others beside them, whose statements a cut is right to fail.
MOMENTS = [break_at_snapshot, break_at_first_read, break_at_first_visit, break_at_embedding]


OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.mark.parametrize("break_at", MOMENTS)
async def test_a_pass_outlives_connections_that_it_was_not_using(
    dsn: str, bench: Bench, break_at: Callable[[Bench, Fault], None]
) -> None:
    async def cut() -> None:
        await bench.connection.execute(f"SELECT pg_terminate_backend(pid, 10000) {OTHERS}")

    async with bench.opened(dsn):
        await bench.index_and_edit()
        break_at(bench, cut)
        report = await (await bench.engine.index(REALM)).finished()
        assert report.visited == FILES
        bench.mend()
        assert (await recovered(bench.connection, bench.engine, bench.root)).visited == 0


async def test_a_pass_whose_connections_are_cut_all_the_time_changes_nothing(
    dsn: str, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """It fails, and says so as soon as the database lets it."""
    begun, cuts = anyio.Event(), anyio.Event()

    async def wait_for_the_knife() -> None:
        begun.set()
        await cuts.wait()

    async def cut_on(knife: Connection) -> None:
        while f"job={job.id}: not settled yet" not in caplog.text:
            await knife.execute(f"SELECT pg_terminate_backend(pid) {OTHERS} AND pid <> {spared}")
            cuts.set()

    spared = await bench.connection.fetchval("SELECT pg_backend_pid()")
    knife = await asyncpg.connect(dsn)
    async with bench.opened(dsn):
        await bench.index_and_edit()
        break_at_snapshot(bench, wait_for_the_knife)
        job = await bench.engine.index(REALM)
        with anyio.fail_after(PATIENCE_SECONDS):
            await begun.wait()
            await cut_on(knife)
        await bench.failure(job)
        await bench.recovered()
    await knife.close()


async def test_a_killed_postgres_fails_the_pass_and_comes_back_with_the_live_index(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    killed = anyio.Event()

    async def kill() -> None:
        lines = (home / "postgres/data/postmaster.pid").read_text().splitlines()
        os.kill(int(lines[0]), signal.SIGKILL)
        killed.set()

    async with embedded_postgres(home) as dsn:
        bench = Bench(await asyncpg.connect(dsn), root)
        async with bench.opened(dsn):
            await bench.index_and_edit()
            break_at_embedding(bench, kill)
            job = await bench.engine.index(REALM)
            with anyio.fail_after(PATIENCE_SECONDS):
                await killed.wait()
            bench.connection.terminate()
            async with embedded_postgres(home):
                bench.connection = await asyncpg.connect(dsn)
                assert await rows_of(bench.connection) == bench.before
                await bench.failure(job)
                await bench.recovered()
                await bench.connection.close()


async def test_a_visitor_that_hangs_can_be_cancelled(dsn: str, bench: Bench) -> None:
    hangs = anyio.Event()

    async def hang() -> None:
        hangs.set()
        await anyio.sleep_forever()

    async with bench.opened(dsn):
        await bench.index_and_edit()
        break_at_first_visit(bench, hang)
        job = await bench.engine.index(REALM)
        with anyio.fail_after(PATIENCE_SECONDS):
            await hangs.wait()
            await job.cancel()
            with pytest.raises(PassFailed, match="cancelled"):
                await job.finished()
        assert await rows_of(bench.connection) == bench.before
        await bench.recovered()


GARBAGE: dict[str, Any] = {
    "nothing": None,
    "a text": "text",
    "chunks that are none": Visit(("text",)),  # type: ignore[arg-type]
    "bytes": Visit((DraftChunk(b"text", 1, 1),)),  # type: ignore[arg-type]
    "half a character": Visit((DraftChunk("a\ud800b", 1, 1),)),
    "a NUL": Visit((DraftChunk("a\0b", 1, 1),)),
    "a line beyond all lines": Visit((DraftChunk("text", 1, 2**40),)),
    "a line that is no number": Visit((DraftChunk("text", "one", 1),)),  # type: ignore[arg-type]
    "a NUL in a symbol": Visit((DraftChunk("text", 1, 1, symbol="a\0b"),)),
    "a NUL in a use": Visit((DraftChunk("text", 1, 1, uses=("a\0b",)),)),
    "a NUL in a diagnostic": Visit((), ("a\0b",)),
}


def answer_for_one_file(bench: Bench, visit: Any) -> None:
    async def answer(file: File) -> Any:
        return visit if file.key == "m3.py" else await bench.visitor.text(file)

    bench.visitor.answer = answer


@pytest.mark.parametrize("visit", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_of_a_visitor_is_an_error_of_its_file_alone(
    dsn: str, bench: Bench, visit: Any
) -> None:
    async with bench.opened(dsn):
        await bench.index_and_edit()
        answer_for_one_file(bench, visit)
        with anyio.fail_after(PATIENCE_SECONDS):
            report = await (await bench.engine.index(REALM)).finished()
        assert (report.files, report.errors, report.failed) == (FILES, 1, 1)
        ((key, reason),) = await bench.engine.errors(REALM)
        assert (key, bool(reason)) == ("m3.py", True)
        kept, now = bench.before["m3.py"], (await rows_of(bench.connection))["m3.py"]
        assert kept["chunks"] == now["chunks"]
        await bench.recovered()


def _fail(_: Any = None) -> Any:
    raise RuntimeError("the answer is out")


VECTORS: dict[str, Callable[[Any], Any]] = {
    "one too few": lambda vectors: vectors[:-1],
    "one too many": lambda vectors: np.vstack([vectors, vectors[:1]]),
    "too short": lambda vectors: vectors[:, :255],
    "NaN": lambda vectors: np.full_like(vectors, np.nan),
    "infinity": lambda vectors: np.full_like(vectors, np.inf),
    "zero": lambda vectors: vectors * 0,
    "nothing": lambda _: None,
    "texts": lambda vectors: ["vector"] * len(vectors),
}


@pytest.mark.parametrize("name", VECTORS)
async def test_unusable_vectors_fail_the_pass(dsn: str, bench: Bench, name: str) -> None:
    async with bench.opened(dsn):
        await bench.index_and_edit()
        bench.embedder.answer = VECTORS[name]
        assert (await bench.failure()).startswith("BadVectors: ")
        await bench.recovered()


async def test_an_embedder_that_raises_fails_the_pass_with_what_it_raised(
    dsn: str, bench: Bench
) -> None:
    async with bench.opened(dsn, embed_batch_size=1):
        await bench.index_and_edit()
        bench.embedder.answer = _fail
        assert await bench.failure() == "RuntimeError: the answer is out"
        await bench.recovered()


async def test_an_embedder_that_hangs_fails_the_pass_at_its_deadline(
    dsn: str, bench: Bench
) -> None:
    async with bench.opened(dsn, embed_timeout_seconds=1):
        await bench.index_and_edit()
        bench.embedder.before = anyio.sleep_forever
        assert "within 1 s" in await bench.failure()
        await bench.recovered()


async def test_a_source_whose_listing_raises_fails_the_pass_with_what_it_raised(
    dsn: str, bench: Bench
) -> None:
    async with bench.opened(dsn):
        await bench.index_and_edit()
        bench.source.at_snapshot = _fail
        assert await bench.failure() == "RuntimeError: the answer is out"
        await bench.recovered()


async def test_a_source_that_raises_while_it_looks_for_changes_fails_the_pass(
    dsn: str, bench: Bench
) -> None:
    async with bench.opened(dsn):
        await bench.index_and_edit()
        bench.source.at_read = lambda key: _fail() if key == "m3.py" else None
        assert await bench.failure() == "RuntimeError: the answer is out"
        await bench.recovered()


async def test_a_source_that_raises_for_a_new_file_leaves_an_error_at_that_file(
    dsn: str, bench: Bench
) -> None:
    async with bench.opened(dsn):
        await bench.index_and_edit()
        write_tree(bench.root, {"new.py": "import m1\n"})
        bench.source.at_read = lambda key: _fail() if key == "new.py" else None
        report = await (await bench.engine.index(REALM)).finished()
        assert (report.files, report.errors) == (FILES + 1, 1)
        ((key, reason),) = await bench.engine.errors(REALM)
        assert key == "new.py"
        assert "the answer is out" in reason
        write_tree(bench.root, {"new.py": None})
        await bench.recovered()
