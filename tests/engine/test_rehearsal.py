"""A realm's visits are tried at rising caps, and nothing of that is left."""

from collections import Counter
from pathlib import Path

import anyio
import asyncpg
import pytest
from live_trees import OpenEngine, write_tree

from engine import Engine, File, Folder, Visit, VisitContext, Work
from engine.rehearsal import NothingToVisit
from engine.syntax_visitor import SyntaxVisitor

FILES = {"root.py": "def root(): ...\n"} | {
    f"leaf{number:02}.py": f"from root import root\n\ndef leaf{number}():\n    root()\n"
    for number in range(19)
}
TABLES = "SELECT relname FROM pg_stat_user_tables"


class Counting(SyntaxVisitor):
    """Counts visits of each file, and how many were under way at most."""

    def __init__(self) -> None:
        super().__init__()
        self.visits: Counter[str] = Counter()
        self.peaks: list[int] = []
        self._running = 0

    async def visit(self, file: File, context: VisitContext) -> Visit:
        if file.key == "root.py":
            self.peaks.append(0)
        self.visits[file.key] += 1
        self._running += 1
        self.peaks[-1] = max(self.peaks[-1], self._running)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        try:
            return await super().visit(file, context)
        finally:
            self._running -= 1


async def indexed(engine: Engine, root: Path) -> None:
    await engine.add_realm("one", Folder(write_tree(root, FILES)))
    await (await engine.index("one")).finished()


async def test_each_cap_visits_each_file_once_and_never_more_at_once(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    visitor = Counting()
    async with open_engine(visitor=visitor, prerender_tabs=4, index_concurrency=2) as engine:
        await engine.add_realm("one", Folder(write_tree(tmp_path, FILES)))
        found = await engine.tune("one", caps=[1, 8])
    assert [(each.cap, each.at_once, each.failed) for each in found.samples] == [
        (1, 1, 0),
        (2, 2, 0),
        (8, 3, 0),
    ]
    # Once to warm up, at the most; then at each cap.
    assert visitor.visits == dict.fromkeys(FILES, 4)
    assert visitor.peaks == [3, 1, 2, 3]
    shape = found.shape
    assert (shape.files, shape.width, shape.depth, shape.envelope) == (20, 19, 2, 3)


async def test_tuning_leaves_the_index_and_the_database_as_they_were(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    async with open_engine() as engine:
        await indexed(engine, tmp_path)
    async with open_engine(work=Work.NONE) as engine:
        before = await all_rows(dsn)
        assert before["chunks"]
        write_tree(tmp_path, {"leaf00.py": "from root import root\n\nclass New: ...\n"})
        tuning = await engine.tune("one", caps=[1, 2])
        assert len(tuning.samples) == 3
        assert await all_rows(dsn) == before


async def all_rows(dsn: str) -> dict[str, list[str]]:
    """Every table's rows as text."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = [row["relname"] for row in await connection.fetch(TABLES)]
        return {
            table: sorted(
                row[0] for row in await connection.fetch(f'SELECT t::text FROM "{table}" AS t')
            )
            for table in tables
        }
    finally:
        await connection.close()


async def test_of_a_large_realm_so_many_files_are_tried(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    visitor = Counting()
    async with open_engine(visitor=visitor) as engine:
        await engine.add_realm("one", Folder(write_tree(tmp_path, FILES)))
        found = await engine.tune("one", caps=[1], max_files=5)
    assert found.visited == len(visitor.visits) == 5
    assert found.shape.files == len(FILES)


async def test_a_realm_without_files_is_told(open_engine: OpenEngine, tmp_path: Path) -> None:
    async with open_engine() as engine:
        await engine.add_realm("one", Folder(tmp_path))
        with pytest.raises(NothingToVisit, match="no files to visit"):
            await engine.tune("one")
