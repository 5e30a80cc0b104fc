"""The source and the visitor of ARCHITECTURE.md, run as they stand there."""

import importlib.util
import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import pytest
from live_trees import OpenEngine, live_rows, write_tree

from engine import Folder

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ModuleType]:
    """A module of the page's examples: only what stands in a module can be pickled."""
    blocks = re.findall(r"```python\n(.*?)```", ARCHITECTURE.read_text("utf-8"), re.DOTALL)
    path = tmp_path / "own_parts_of_the_page.py"
    path.write_text("\n\n".join(blocks))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[path.stem]


async def _execute(dsn: str, statement: str, *arguments: Any) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def test_a_table_is_indexed_and_followed(
    open_engine: OpenEngine, own: ModuleType, dsn: str
) -> None:
    await _execute(dsn, "CREATE TABLE articles (slug text, body text, changed_at timestamptz)")
    insert = "INSERT INTO articles VALUES ($1, $2, now() - interval '1 day')"
    await _execute(dsn, insert, "refunds", "# Refunds\n\nThey take three days. [more](costs.md)\n")
    await _execute(dsn, insert, "costs", "# Costs\n\nNone.\n")
    source = pickle.loads(pickle.dumps(own.Articles(dsn)))
    async with open_engine() as engine:
        realm = await engine.add_realm("articles", source)
        first = await (await realm.index()).finished()
        again = await (await realm.index()).finished()
        hits = await realm.search("how long does a refund take", limit=1)
        update = "UPDATE articles SET body = body || 'Ever.', changed_at = now() WHERE slug = $1"
        await _execute(dsn, update, "costs")
        changed = await (await realm.index()).finished()
        await _execute(dsn, "DELETE FROM articles WHERE slug = 'costs'")
        removed = await (await realm.index()).finished()
    assert (first.files, first.visited, again.visited) == (2, 2, 0)
    assert [hit.path for hit in hits] == ["refunds.md"]
    assert changed.modified == 1
    assert (removed.files, removed.deleted, removed.errors) == (1, 1, 0)


async def test_a_visitor_that_reads_its_dependencies_is_run_after_them_and_again_with_them(
    open_engine: OpenEngine, own: ModuleType, dsn: str, tmp_path: Path
) -> None:
    tree = write_tree(
        tmp_path / "tree",
        {"a.py": "import b\nimport c\n", "b.py": "def one(): ...\n", "c.py": "X = 1\n"},
    )
    async with open_engine(visitor=own.Summaries()) as engine:
        realm = await engine.add_realm("r", Folder(tree))
        first = await (await realm.index()).finished()
        before = {row["key"]: row for row in await live_rows(dsn, "r")}
        write_tree(tree, {"b.py": "def one(): ...\n\n\ndef two(): ...\n"})
        second = await (await realm.index()).finished()
        after = {row["key"]: row for row in await live_rows(dsn, "r")}
    assert first.topo_depth == 2
    assert before["a.py"]["dependencies"] == ["b.py", "c.py"]
    assert before["a.py"]["chunks"][0]["text"] == "a.py is python\nreads b.py: one\nreads c.py: X"
    assert after["a.py"]["chunks"][0]["text"].split("\n")[1] == "reads b.py: one, two"
    assert second.visited == 2
