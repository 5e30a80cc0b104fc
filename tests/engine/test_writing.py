"""What a provider was paid for is stored as it comes, and never asked of it again."""

import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import anyio
import anyio.lowlevel
import asyncpg
import pytest
from embedding_provider import Call, HttpEmbedder, Provider, Refusal, Rows, embedding_provider
from live_trees import OpenEngine, live_rows, write_tree
from pgvector import HalfVector

from engine import (
    DraftChunk,
    Engine,
    File,
    Folder,
    PassFailed,
    PassReport,
    Settings,
    Visit,
    VisitContext,
)
from engine.embedders import TextTooLong
from engine.index.database import open_database
from engine.index.sweep import FORSAKEN_SECONDS
from engine.index.working import Fence, Working

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager["Bench"]]

PATIENCE_SECONDS = 60.0
"""What a test waits for takes no time; this only turns a standstill into a failure."""

BATCHES: dict[str, Any] = {"embed_batch_size": 4, "embed_concurrency": 1}


class LinesVisitor:
    """A chunk a line, so that a test knows each text."""

    fingerprint = "lines"

    async def visit(self, file: File, context: VisitContext) -> Visit:
        lines = (await file.read()).decode().splitlines()
        return Visit(tuple(DraftChunk(line, at, at) for at, line in enumerate(lines, 1)))


@dataclass
class Bench:
    """An engine with its provider, and a view of what is stored."""

    engine: Engine
    provider: Provider
    connection: "asyncpg.Connection[asyncpg.Record]"
    dsn: str

    async def index(self, root: Path, realm: str = "r", **options: Any) -> PassReport:
        return await _index(self.engine, root, realm, **options)

    async def fails(self, root: Path) -> None:
        with pytest.raises(PassFailed):
            await self.index(root)

    async def count(self, table: str) -> int:
        return int(await self.connection.fetchval(f"SELECT count(*) FROM {table}"))

    async def stored(self) -> list[str]:
        return sorted(row[0] for row in await self.connection.fetch("SELECT text FROM chunks"))


@pytest.fixture
def opened(open_engine: OpenEngine, dsn: str) -> Opened:
    """Jobs are tried once, so that a second try is the test's own."""

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Bench]:
        async with (
            embedding_provider() as provider,
            open_engine(
                embedder=HttpEmbedder(provider.url),
                visitor=LinesVisitor(),
                **BATCHES | {"max_attempts": 1} | options,
            ) as engine,
        ):
            connection = await asyncpg.connect(dsn)
            yield Bench(engine, provider, connection, dsn)
            await connection.close()

    return opened


async def _index(engine: Engine, root: Path, realm: str = "r", **options: Any) -> PassReport:
    handle = await engine.add_realm(realm, Folder(root))
    with anyio.fail_after(PATIENCE_SECONDS):
        return await (await handle.index(**options)).finished()


def _refuse(number: int) -> Callable[[Call], Any]:
    async def on_call(call: Call) -> None:
        if call.number == number:
            raise Refusal(500)

    return on_call


ONE_CHUNK_FILES = {f"f{number:02}.txt": f"text of file {number}\n" for number in range(12)}
LARGE_FILE = {
    "a small one.txt": "text of line 0\n",
    "large.txt": "".join(f"text of line {number}\n" for number in range(1, 12)),
}


@pytest.mark.parametrize("from_scratch", [False, True])
async def test_files_whose_vectors_came_are_stored_though_the_next_batch_fails(
    opened: Opened, tmp_path: Path, from_scratch: bool
) -> None:
    root = write_tree(tmp_path / "t", ONE_CHUNK_FILES)
    async with opened() as bench:
        bench.provider.on_call = _refuse(2)
        await bench.fails(root)
        assert bench.provider.sizes == [4, 4], "nothing is sent after a failure"
        assert await bench.count("working_entries") == 4
        assert await bench.count("waiting_vectors") == 0
        paid = bench.provider.answered[0].texts
        bench.provider.mend()
        report = await bench.index(root, from_scratch=from_scratch)
        assert (report.reused, report.texts_embedded, report.files) == (4, 8, 12)
        assert sorted((*bench.provider.texts, *paid)) == _lines(ONE_CHUNK_FILES)


@pytest.mark.parametrize("from_scratch", [False, True])
async def test_the_first_texts_of_a_large_file_are_paid_once_though_the_next_batch_fails(
    opened: Opened, dsn: str, tmp_path: Path, from_scratch: bool
) -> None:
    root = write_tree(tmp_path / "t", LARGE_FILE)
    async with opened() as bench:
        bench.provider.on_call = _refuse(2)
        await bench.fails(root)
        assert await bench.stored() == ["text of line 0"]
        assert await bench.count("waiting_vectors") == 3
        bench.provider.mend()
        report = await bench.index(root, from_scratch=from_scratch)
        assert report.texts_embedded == 8
        assert bench.provider.texts == [f"text of line {number}" for number in range(4, 12)]
        assert await bench.count("waiting_vectors") == 0
        fresh = await bench.index(root, "fresh")
        assert fresh.texts_embedded == 0
    assert await live_rows(dsn, "r") == await live_rows(dsn, "fresh")


async def test_a_batch_under_way_when_another_fails_is_paid_once(
    opened: Opened, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "t", LARGE_FILE)
    refused = anyio.Event()

    async def on_call(call: Call) -> None:
        if "text of line 4" in call.texts:
            refused.set()
            raise Refusal(500)
        await refused.wait()

    async with opened(embed_concurrency=3) as bench:
        bench.provider.on_call = on_call
        await bench.fails(root)
        bench.provider.mend()
        await bench.index(root)
        assert bench.provider.texts == [f"text of line {number}" for number in range(4, 8)]


async def test_a_cancelled_pass_keeps_the_batches_that_came_back(
    opened: Opened, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "t", LARGE_FILE)
    async with opened() as bench:
        bench.provider.on_call = _hold_from(3)
        realm = await bench.engine.add_realm("r", Folder(root))
        job = await realm.index()
        with anyio.fail_after(PATIENCE_SECONDS):
            await bench.provider.until(lambda it: len(it.calls) == 3)
            await job.cancel()
            with pytest.raises(PassFailed, match="cancelled"):
                await job.finished()
        bench.provider.mend()
        await bench.index(root)
        assert bench.provider.texts == [f"text of line {number}" for number in range(8, 12)]


def _hold_from(number: int) -> Callable[[Call], Any]:
    async def on_call(call: Call) -> None:
        if call.number >= number:
            await anyio.sleep_forever()

    return on_call


INDEX = """
import sys
sys.path[:0] = sys.argv[1:2]
import anyio
from test_writing import index_alone
anyio.run(index_alone, *sys.argv[2:])
"""


async def index_alone(dsn: str, url: str, root: str) -> None:
    """A pass in a process of its own."""
    settings = Settings(home=Path(root).parent, dsn=dsn, worker_processes=1, **BATCHES)
    embedder, visitor = HttpEmbedder(url), LinesVisitor()
    async with Engine.open(settings, embedder=embedder, visitor=visitor) as engine:
        await _index(engine, Path(root))


async def test_a_killed_pass_keeps_the_batches_that_came_back(
    opened: Opened, dsn: str, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "t", LARGE_FILE)
    command = [sys.executable, "-c", INDEX, str(Path(__file__).parent), dsn]
    async with embedding_provider() as provider:
        provider.on_call = _hold_from(3)
        with anyio.fail_after(PATIENCE_SECONDS):
            async with await anyio.open_process(
                [*command, provider.url, str(root)], stdout=None, stderr=None
            ) as process:
                await provider.until(lambda it: len(it.calls) == 3)
                process.kill()
    async with opened() as bench:
        await bench.index(root)
        assert bench.provider.texts == [f"text of line {number}" for number in range(8, 12)]


async def test_progress_counts_files_as_their_vectors_come(opened: Opened, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "t", ONE_CHUNK_FILES)
    seen: list[tuple[int, int]] = []

    async def on_call(call: Call) -> None:
        """A batch is answered when what the batches before it brought is seen to be stored."""
        while (await job.refresh()).progress.done < 4 * (call.number - 1):
            await anyio.lowlevel.checkpoint()
        seen.append((job.progress.done, job.progress.total))

    async with opened() as bench:
        bench.provider.on_call = on_call
        realm = await bench.engine.add_realm("r", Folder(root))
        job = await realm.index()
        with anyio.fail_after(PATIENCE_SECONDS):
            await job.finished()
    assert [done for done, _ in seen] == [0, 4, 8]
    assert seen[1:] == [(4, 12), (8, 12)]
    assert (job.progress.done, job.progress.total) == (12, 12)


async def test_a_batch_that_times_out_is_halved_for_the_rest_of_the_pass(
    opened: Opened, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "t", {"a.txt": "".join(f"line {at}\n" for at in range(48))})

    async def on_call(call: Call) -> None:
        if len(call.texts) > 8:
            await anyio.sleep_forever()

    async with opened(embed_batch_size=32, embed_timeout_seconds=1) as bench:
        bench.provider.on_call = on_call
        report = await bench.index(root)
        assert bench.provider.sizes == [32, 16, 8, 8, 8, 8, 8, 8]
    assert report.texts_embedded == 48


LIES: dict[str, Callable[[Rows], Any]] = {
    "one too few": lambda rows: rows[1:],
    "one too short": lambda rows: [*rows[:3], rows[3][1:]],
    "of another size": lambda rows: [row[1:] for row in rows],
    "NaN": lambda rows: [[float("nan"), *rows[0][1:]], *rows[1:]],
    "zero": lambda rows: [*rows[:3], [0.0] * len(rows[3])],
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_of_a_batch_with_an_unusable_vector_nothing_is_stored(
    opened: Opened, tmp_path: Path, lie: Callable[[Rows], Any]
) -> None:
    root = write_tree(tmp_path / "t", ONE_CHUNK_FILES)
    async with opened() as bench:
        calls = bench.provider.calls
        bench.provider.lie = lambda rows: lie(rows) if len(calls) == 2 else rows
        await bench.fails(root)
        assert bench.provider.sizes == [4, 4]
        assert await bench.stored() == sorted(calls[0].texts)
        assert await bench.count("waiting_vectors") == 0
        bench.provider.mend()
        assert (await bench.index(root)).texts_embedded == 8


async def test_a_text_in_many_files_and_realms_is_embedded_once(
    opened: Opened, tmp_path: Path
) -> None:
    tree = {f"f{number}.txt": f"the same\nonly {number}\n" for number in range(100)}
    one, two = (write_tree(tmp_path / name, tree) for name in ("one", "two"))
    async with opened(embed_batch_size=32, embed_concurrency=8) as bench:
        await bench.index(one, "one")
        report = await bench.index(two, "two")
        assert report.texts_embedded == 0
        await bench.index(one, "one", from_scratch=True)
        assert sorted(bench.provider.texts) == sorted({*_lines(tree)})


def _two_trees_of_the_same_lines(folder: Path) -> tuple[Path, Path]:
    lines = [f"line {number}\n" for number in range(300)]
    one = write_tree(folder / "one", {"a.txt": "".join(lines)})
    two = write_tree(folder / "two", {"a.txt": "".join(reversed(lines))})
    return one, two


async def test_two_processes_that_bring_the_same_vectors_at_once_both_end_well(
    opened: Opened, dsn: str, tmp_path: Path
) -> None:
    """Two engines know no more of each other than two processes do."""
    one, two = _two_trees_of_the_same_lines(tmp_path)
    both = anyio.Event()

    async def on_call(_: Call) -> None:
        if first.provider.in_flight and second.provider.in_flight:
            both.set()
        await both.wait()

    async with opened(embed_batch_size=300) as first, opened(embed_batch_size=300) as second:
        first.provider.on_call = second.provider.on_call = on_call
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first.index, one, "one")
            tasks.start_soon(second.index, two, "two")
        assert [len(await live_rows(dsn, realm)) for realm in ("one", "two")] == [1, 1]
        assert await first.count("chunks") == 600


async def test_two_passes_of_a_process_have_a_text_of_both_embedded_once(
    opened: Opened, tmp_path: Path
) -> None:
    one, two = _two_trees_of_the_same_lines(tmp_path)
    (two / "b.txt").write_text("only here\n")

    async def on_call(_: Call) -> None:
        await visiting.wait()

    visiting = anyio.Event()
    async with opened(embed_batch_size=300, embed_concurrency=8, workers=2) as bench:
        bench.provider.on_call = on_call
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bench.index, one, "one")
            tasks.start_soon(bench.index, two, "two")
            await bench.provider.until(lambda it: "only here" in it.texts)
            visiting.set()
        assert len(bench.provider.texts) == len(set(bench.provider.texts)) == 301
        assert await bench.count("chunks") == 601


async def test_what_a_cancelled_pass_was_having_embedded_goes_on_for_the_other(
    opened: Opened, tmp_path: Path
) -> None:
    one, two = _two_trees_of_the_same_lines(tmp_path)
    (two / "b.txt").write_text("only here\n")

    async def on_call(call: Call) -> None:
        if call.number <= 2:
            await anyio.sleep_forever()

    async with opened(embed_batch_size=300, embed_concurrency=2, workers=2) as bench:
        bench.provider.on_call = on_call
        realm = await bench.engine.add_realm("one", Folder(one))
        job = await realm.index()
        await bench.provider.until(lambda it: len(it.calls) == 1)
        async with anyio.create_task_group() as tasks:
            # Its own text goes to the provider, and what the first pass has is waited for.
            bench.provider.on_call = on_call
            tasks.start_soon(bench.index, two, "two")
            await bench.provider.until(lambda it: len(it.calls) == 2)
            assert bench.provider.calls[1].texts == ("only here",)
            await job.cancel()
            await bench.provider.until(lambda it: len(it.calls) == 3)
            bench.provider.close()
            tasks.cancel_scope.cancel()
        assert sorted(bench.provider.calls[2].texts) == sorted(bench.provider.calls[0].texts)


class ShortSighted(HttpEmbedder):
    """Says of a text that is longer than the provider takes that it is."""

    max_chars = 40

    async def embed(self, texts: Sequence[str]) -> Any:
        if max(map(len, texts)) > self.max_chars:
            raise TextTooLong(f"more than {self.max_chars} characters")
        return await super().embed(texts)


async def test_a_file_says_which_of_its_texts_the_embedder_has_seen_the_beginning_of(
    open_engine: OpenEngine, dsn: str, tmp_path: Path
) -> None:
    """Also where the vector was there before, so that it does not matter who came first."""
    long = "x" * 50
    one = write_tree(tmp_path / "one", {"a.txt": f"short\n{long}\n", "b.txt": "other\n"})
    two = write_tree(tmp_path / "two", {"c.txt": f"{long}\n"})
    said = "shortened to 25 characters for the embedder"
    async with embedding_provider() as provider:
        embedder = ShortSighted(provider.url)
        async with open_engine(embedder=embedder, visitor=LinesVisitor(), **BATCHES) as engine:
            for realm, root in (("one", one), ("two", two)):
                await _index(engine, root, realm)
            entry = await engine.entry("one", "a.txt")
            assert entry.diagnostics == (f"chunk 2 of lines 2-2: {said}",)
            assert (await engine.entry("one", "b.txt")).diagnostics == ()
            entry = await engine.entry("two", "c.txt")
            assert entry.diagnostics == (f"chunk 1 of lines 1-1: {said}",)
            before = await live_rows(dsn, "one")
            await _index(engine, one, "one", from_scratch=True)
            assert await live_rows(dsn, "one") == before
        assert sorted(provider.texts) == sorted(["short", "other", long[:25]])


WAITERS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


async def test_batches_with_the_same_texts_do_not_wait_in_a_circle(opened: Opened) -> None:
    """Two are held up at a text that both have, with what comes before it for each in hand.

    Were that not the same texts, each would then want what the other has.
    """
    vectors = {bytes([number]): HalfVector([1.0]) for number in range(100)}
    async with opened() as bench, open_database(dsn=bench.dsn, home=Path()) as database:
        working = Working(
            database.pool,
            1,
            uuid4(),
            Fence(1, uuid4()),
            embedder_id=1,
            listed_at_ns=0,
            inherits=False,
        )
        async with anyio.create_task_group() as tasks, bench.connection.transaction():
            await bench.connection.execute(
                "INSERT INTO waiting_vectors VALUES (1, $1, '[1]')", bytes([50])
            )
            tasks.start_soon(working.keep_vectors, vectors)
            tasks.start_soon(working.keep_vectors, dict(reversed(vectors.items())))
            with anyio.fail_after(PATIENCE_SECONDS):
                # Not in the transaction, where activity stays what it was at the first look.
                while await database.pool.fetchval(WAITERS) < 2:
                    await anyio.lowlevel.checkpoint()
        assert await bench.count("waiting_vectors") == 100


async def test_vectors_that_nobody_came_for_are_swept_after_a_day(
    opened: Opened, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "t", LARGE_FILE)
    async with opened() as bench:
        bench.provider.on_call = _refuse(2)
        await bench.fails(root)
        await bench.engine.sweep()
        assert await bench.count("waiting_vectors") == 3
        await bench.connection.execute(
            "UPDATE waiting_vectors SET kept_at = kept_at - make_interval(secs => $1)",
            FORSAKEN_SECONDS,
        )
        await bench.engine.sweep()
        assert await bench.count("waiting_vectors") == 0


async def test_what_a_bundled_embedder_computes_does_not_wait_in_the_database(
    open_engine: OpenEngine, dsn: str, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "t", LARGE_FILE)
    async with open_engine(visitor=LinesVisitor()) as engine:
        connection = await asyncpg.connect(dsn)
        await connection.execute("ALTER TABLE waiting_vectors ADD CHECK (false)")
        await connection.close()
        report = await _index(engine, root)
    assert report.texts_embedded == 12


def _lines(tree: Mapping[str, str]) -> list[str]:
    return sorted(line for content in tree.values() for line in content.splitlines())
