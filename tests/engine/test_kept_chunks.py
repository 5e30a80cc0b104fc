"""A visit that comes to what the live index has leaves the chunks as they are."""

from collections.abc import Iterable
from pathlib import Path

import asyncpg
import pytest
from live_trees import OpenEngine, live_rows, write_tree

from engine import (
    DraftChunk,
    Engine,
    File,
    Folder,
    HashedEmbedder,
    PassReport,
    Visit,
    VisitContext,
)

ROOT = "def root(): ...\n"
LEAVES = {
    f"leaf{number}.py": f"from root import root\n\n\ndef leaf{number}():\n    root()\n"
    for number in range(9)
}
FILES = {"root.py": ROOT, **LEAVES}


async def _index(
    engine: Engine, root: Path, realm: str = "r", *, from_scratch: bool = False
) -> PassReport:
    await engine.add_realm(realm, Folder(root))
    return await (await engine.index(realm, from_scratch=from_scratch)).finished()


async def _written(dsn: str) -> dict[str, set[str]]:
    """For each file which rows its chunks are: the place of each, and who has written it."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT key, concat_ws(' ', chunks.ctid::text, chunks.xmin::text) AS row"
        " FROM entries JOIN chunks USING (realm_id, version)"
    )
    await connection.close()
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["key"], set()).add(row["row"])
    return found


async def _equals_a_fresh_one(engine: Engine, root: Path, dsn: str) -> None:
    await _index(engine, root, "fresh")
    assert await live_rows(dsn, "r") == await live_rows(dsn, "fresh")


async def test_readers_of_what_another_name_changed_are_visited_and_not_written(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path, FILES)
    async with open_engine() as engine:
        await _index(engine, root)
        before = await _written(dsn)
        write_tree(root, {"root.py": ROOT + "\n\ndef another(): ...\n"})
        report = await _index(engine, root)
        after = await _written(dsn)
        assert report.visited == len(FILES)
        assert report.chunks_written == len(after["root.py"])
        assert [key for key in FILES if before[key] != after[key]] == ["root.py"]
        assert report.chunks == sum(map(len, after.values()))
        await _equals_a_fresh_one(engine, root, dsn)


async def test_readers_that_show_what_changed_are_written(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path, FILES)
    async with open_engine() as engine:
        await _index(engine, root)
        before = await _written(dsn)
        write_tree(root, {"root.py": "def root(with_more): ...\n"})
        await _index(engine, root)
        after = await _written(dsn)
        assert not [key for key in FILES if before[key] & after[key]]
        await _equals_a_fresh_one(engine, root, dsn)


async def test_a_pass_from_scratch_writes_all_chunks_again(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path, FILES)
    async with open_engine() as engine:
        await _index(engine, root)
        before = await _written(dsn)
        report = await _index(engine, root, from_scratch=True)
        after = await _written(dsn)
    assert report.chunks_written == report.chunks
    assert not [key for key in FILES if before[key] & after[key]]


class Weak:
    """A chunk a file, which says where it begins; fails on the files it is told to."""

    fingerprint = "weak"
    line = 1
    kind = ""
    uses: tuple[str, ...] = ()

    def __init__(self, bad: Iterable[str] = ()) -> None:
        self.bad = set(bad)

    async def visit(self, file: File, context: VisitContext) -> Visit:
        if file.key in self.bad:
            raise ValueError(f"cannot render {file.key}")
        text = (await file.read()).decode()
        return Visit((DraftChunk(text, self.line, self.line, "", self.kind, self.uses),))


class Another(HashedEmbedder):
    """Of another kind, with vectors of the same size."""

    fingerprint = "another/1"


async def test_what_failed_and_comes_to_the_same_keeps_what_it_had(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path, {"a.txt": "first", "b.txt": "other"})
    visitor = Weak()
    async with open_engine(visitor=visitor) as engine:
        await _index(engine, root)
        before = await _written(dsn)
        visitor.bad = {"a.txt"}
        write_tree(root, {"a.txt": "second"})
        assert (await _index(engine, root)).errors == 1
        visitor.bad = set()
        write_tree(root, {"a.txt": "first"})
        report = await _index(engine, root)
        assert (report.visited, report.errors, report.chunks_written) == (1, 0, 0)
        assert await _written(dsn) == before
        await _equals_a_fresh_one(engine, root, dsn)


async def test_what_an_older_recipe_left_of_a_failed_visit_is_not_kept(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    # 1. The embedder is another one, and the visit of a.txt fails: it has the old vectors.
    # 2. The visit comes to the same text. Those vectors answer to no question any more.
    root = write_tree(tmp_path, {"a.txt": "first", "b.txt": "other"})
    visitor = Weak()
    async with open_engine(visitor=visitor) as engine:
        await _index(engine, root)
    async with open_engine(visitor=visitor, embedder=Another()) as engine:
        visitor.bad = {"a.txt"}
        assert (await _index(engine, root)).errors == 1
        visitor.bad = set()
        assert (await _index(engine, root)).chunks_written == 1
        await _equals_a_fresh_one(engine, root, dsn)


@pytest.mark.parametrize(("name", "value"), [("line", 2), ("kind", "x"), ("uses", ("b.txt#b",))])
async def test_whatever_a_hit_shows_is_reason_to_write_it(
    open_engine: OpenEngine, tmp_path: Path, dsn: str, name: str, value: object
) -> None:
    root = write_tree(tmp_path, {"a.txt": "first", "b.txt": "other"})
    visitor = Weak()
    async with open_engine(visitor=visitor) as engine:
        await _index(engine, root)
        # A visitor whose entries hang on more than files is visited again where it failed.
        visitor.bad = {"a.txt"}
        write_tree(root, {"a.txt": "second"})
        await _index(engine, root)
        visitor.bad = set()
        setattr(visitor, name, value)
        write_tree(root, {"a.txt": "first"})
        assert (await _index(engine, root)).chunks_written == 1
        chunk = (await live_rows(dsn, "r"))[0]["chunks"][0]
        shown = {"line": chunk["start_line"], "kind": chunk["kind"], "uses": tuple(chunk["uses"])}
        assert shown[name] == value
