"""What a pass costs, in counts that no machine changes: statements, rows, reads, calls, tasks."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import asyncpg
import pytest
from live_trees import OpenEngine, write_tree
from statement_counter import counted_statements, words_of

import engine.jobs
from engine import Engine, File, Folder, Isolation, PassReport, Settings, Visit, VisitContext
from engine.embedders import HashedEmbedder
from engine.syntax_visitor import SyntaxVisitor

BATCH = 32

# The queue, the heart and the sweeper say these whenever it is time, pass or not.
QUEUE = frozenset(
    words_of(path.read_text())
    for path in Path(engine.jobs.__file__).parent.joinpath("queries").glob("*.sql")
)


def files(count: int) -> dict[str, str]:
    """A module that all others read, of one text each."""
    root = {"root.py": "def root(): ...\n"}
    return root | {
        f"leaf{number:03}.py": f"from root import root\n\n\ndef leaf{number}():\n    root()\n"
        for number in range(count - 1)
    }


async def passed(engine: Engine, name: str) -> PassReport:
    return await (await engine.index(name)).finished()


async def added(engine: Engine, name: str, source: Folder) -> PassReport:
    await engine.add_realm(name, source)
    return await passed(engine, name)


async def test_statements_follow_the_change_and_not_the_realm(tmp_path: Path, dsn: str) -> None:
    found: dict[int, list[Counter[str]]] = {}
    async with counted_statements(dsn) as statements, _opened(statements.dsn, tmp_path) as engine:
        for count in (20, 200):
            root = write_tree(tmp_path / str(count), files(count))
            found[count] = []
            # The second pass may still read files that were too young for the first.
            edits = ({}, {}, {}, {"leaf003.py": "def other(): ...\n"})
            for edit in edits:
                write_tree(root, edit)
                statements.seen.clear()
                await added(engine, str(count), Folder(root))
                found[count].append(statements.beside(QUEUE))
    (first, _, nothing, edited), (large, _, still_nothing, still_edited) = found[20], found[200]
    assert still_nothing == nothing
    assert sum(nothing.values()) <= 20
    assert still_edited.total() <= edited.total() + 2
    # Files are written in groups, so most cost no statement of their own.
    assert large.total() - first.total() <= (200 - 20) / 2


def _opened(dsn: str, home: Path) -> AbstractAsyncContextManager[Engine]:
    return Engine.open(Settings(home=home, dsn=dsn, embedder="hashed", isolation=Isolation.INLINE))


async def changed_rows(dsn: str, before: set[str] | None = None) -> set[str]:
    """Which rows of files there are, each with its place and the transaction that wrote it."""
    connection = await asyncpg.connect(dsn)
    try:
        found = {
            f"{table} {row[0]}"
            for table in ("entries", "chunks", "definitions")
            for row in await connection.fetch(
                f"SELECT concat_ws(' ', ctid::text, xmin::text) FROM {table}"
            )
        }
    finally:
        await connection.close()
    return found - (before or set())


async def test_rows_written_follow_the_change_and_not_the_realm(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    async with open_engine() as engine:
        root = write_tree(tmp_path, files(100))
        await added(engine, "one", Folder(root))
        # Of files that were too young for the first pass, the second writes newer stamps.
        await passed(engine, "one")
        before = await changed_rows(dsn)
        write_tree(root, {"leaf003.py": "from root import root\n\n\ndef leaf3(): ...\n"})
        await passed(engine, "one")
        rows = Counter(row.split()[0] for row in await changed_rows(dsn, before))
        assert rows == {"entries": 1, "chunks": 1, "definitions": 1}


class CountingFolder(Folder):
    """Counts how often each file is read. In this process, where few files are parsed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: Counter[str] = Counter()

    def read(self, key: str, *, max_bytes: int) -> bytes:
        self.reads[key] += 1
        return super().read(key, max_bytes=max_bytes)


async def test_a_new_file_is_read_and_parsed_once(open_engine: OpenEngine, tmp_path: Path) -> None:
    tree = files(12)
    source = CountingFolder(write_tree(tmp_path, tree))
    async with open_engine() as engine:
        report = await added(engine, "one", source)
    assert report.visited == 12
    assert source.reads == dict.fromkeys(tree, 1)


class CountingEmbedder(HashedEmbedder):
    """Counts the texts of each call, and costs as a provider does: it is called here."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    async def embed(self, texts: Sequence[str]) -> object:
        self.calls.append(len(texts))
        return await super().embed(texts)


class CountingVisitor(SyntaxVisitor):
    """Notes the tasks that are alive at each visit."""

    def __init__(self) -> None:
        self.tasks: list[int] = []

    async def visit(self, file: File, context: VisitContext) -> Visit:
        self.tasks.append(len(asyncio.all_tasks()))
        return await super().visit(file, context)


@pytest.mark.parametrize("cap", [1, 4])
async def test_the_tasks_of_a_pass_follow_the_cap_and_not_the_realm(
    open_engine: OpenEngine, tmp_path: Path, cap: int
) -> None:
    peaks = {}
    visitor = CountingVisitor()
    async with open_engine(visitor=visitor, index_concurrency=cap) as engine:
        for count in (20, 120):
            visitor.tasks.clear()
            await added(engine, str(count), Folder(write_tree(tmp_path / str(count), files(count))))
            assert len(visitor.tasks) == count
            peaks[count] = max(visitor.tasks)
    # Beside the visits there are batches on their way and groups being written.
    assert peaks[120] <= peaks[20] + 12
    assert peaks[120] <= cap + 40


async def test_texts_are_embedded_in_full_batches(open_engine: OpenEngine, tmp_path: Path) -> None:
    embedder = CountingEmbedder()
    async with open_engine(embedder=embedder, embed_batch_size=BATCH) as engine:
        report = await added(engine, "one", Folder(write_tree(tmp_path, files(200))))
    texts = report.texts_embedded
    assert sum(embedder.calls) == texts == 200
    assert sorted(embedder.calls, reverse=True) == [BATCH] * (texts // BATCH) + [texts % BATCH]
