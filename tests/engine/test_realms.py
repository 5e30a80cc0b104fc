"""Realms that are emptied, moved, shared, given another source; errors that reach readers."""

import os
from pathlib import Path
from typing import Any

import pytest
from live_trees import OpenEngine, live_rows, write_tree

from engine import Engine, Folder, PassReport, RealmExists, RealmNotFound

TREE = {"base.py": "def f(): ...\n", "user.py": "from base import f\n\nf()\n"}


async def _index(engine: Engine, name: str, root: Path, **options: Any) -> PassReport:
    realm = await engine.add_realm(name, Folder(root, **options), replace=True)
    return await (await realm.index()).finished()


async def test_an_emptied_folder_empties_the_index(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path / "t", TREE)
    async with open_engine() as engine:
        await _index(engine, "r", root)
        write_tree(root, dict.fromkeys(TREE))
        report = await _index(engine, "r", root)
        assert (report.files, report.chunks, report.deleted) == (0, 0, 2)
        assert await live_rows(dsn, "r") == []
        assert await engine.search("f", realm="r") == []


async def test_a_realm_that_gets_another_source_gets_its_index(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    first = write_tree(tmp_path / "a", TREE)
    second = write_tree(tmp_path / "b", {"base.py": "def g(): ...\n", "new.py": "import base\n"})
    async with open_engine() as engine:
        await _index(engine, "r", first)
        with pytest.raises(RealmExists, match="another source"):
            await engine.add_realm("r", Folder(second))
        await _index(engine, "r", second)
        await _index(engine, "fresh", second)
    assert await live_rows(dsn, "r") == await live_rows(dsn, "fresh")


async def test_two_realms_over_one_tree_do_not_know_each_other(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path / "t", TREE)
    async with open_engine() as engine:
        await _index(engine, "r", root)
        await _index(engine, "other", root)
        write_tree(root, {"base.py": "def f(x): ...\n"})
        before = await live_rows(dsn, "other")
        assert (await _index(engine, "r", root)).visited == 2
        assert await live_rows(dsn, "other") == before
        assert (await _index(engine, "other", root)).visited == 2
    assert await live_rows(dsn, "r") == await live_rows(dsn, "other")


async def test_a_narrower_filter_drops_what_it_leaves_out(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "t", TREE | {"notes.md": "# Notes\n"})
    async with open_engine() as engine:
        await _index(engine, "r", root)
        report = await _index(engine, "r", root, include=["*.py"])
    assert (report.files, report.deleted) == (2, 1)


async def test_readers_of_a_broken_module_say_so_and_are_healed_with_it(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path / "t", TREE)
    async with open_engine() as engine:
        await _index(engine, "r", root)
        write_tree(root, {"base.py": b"def f(): ...  # \xff\n"})
        broken = await _index(engine, "r", root)
        assert (broken.errors, broken.visited) == (1, 2)
        user = await engine.entry("r", "user.py")
        assert user.error is None
        assert user.diagnostics[0].startswith("reads base.py, which can't be used: byte 0xff")
        assert (await _index(engine, "r", root)).visited == 0
        assert [hit.path for hit in await engine.search("f", realm="r")].count("base.py") == 1
        write_tree(root, {"base.py": TREE["base.py"]})
        assert (await _index(engine, "r", root)).errors == 0
        assert (await engine.entry("r", "user.py")).diagnostics == ()
        await _index(engine, "fresh", root)
    assert await live_rows(dsn, "r") == await live_rows(dsn, "fresh")


async def test_readers_notice_a_file_that_is_replaced_by_what_is_none_and_back(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path / "t", TREE)
    async with open_engine() as engine:
        await _index(engine, "r", root)
        write_tree(root, {"base.py": None})
        os.symlink("/etc/passwd", root / "base.py")
        assert (await _index(engine, "r", root)).visited == 1
        assert (await engine.entry("r", "user.py")).dependencies == ()
        write_tree(root, {"base.py": None})
        write_tree(root, TREE)
        assert (await _index(engine, "r", root)).visited == 2
        await _index(engine, "fresh", root)
    assert await live_rows(dsn, "r") == await live_rows(dsn, "fresh")


async def test_a_renamed_file_keeps_its_vectors(open_engine: OpenEngine, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "t", TREE)
    async with open_engine() as engine:
        await _index(engine, "r", root)
        os.rename(root / "user.py", root / "person.py")
        report = await _index(engine, "r", root)
    assert (report.renamed, report.visited, report.texts_embedded) == (1, 1, 0)


async def test_an_unknown_realm_is_told(open_engine: OpenEngine) -> None:
    async with open_engine() as engine:
        with pytest.raises(RealmNotFound):
            await engine.search("x", realm="nowhere")


BAD_INPUT: dict[str, bytes] = {
    "binary.py": b"x = 1\0\0",
    "picture.png": b"\x89PNG\r\n\x1a\n\0\0\0",
    "latin.txt": "caf\xe9".encode("latin-1"),
    "empty.py": b"",
    "blank.md": b"\n\n  \n",
    "large.txt": b"word " * 300_000,
    "minified.js": b"var a=1;" * 120_000,
    "broken.py": b"def f(:\n  class\n",
    "broken.json": b'{"a": [1, 2',
    "bomb.yaml": b"a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\n",
    "new\nline.py": b"x = 1\n",
    "bad\udcff.py": b"x = 1\n",
    "good.py": b"def good(): ...\n",
}


async def test_bad_input_gets_its_entry_and_nothing_else_is_lost(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path / "t", BAD_INPUT)
    os.symlink("/etc/passwd", root / "out")
    os.symlink("loop", root / "loop")
    async with open_engine() as engine:
        report = await _index(engine, "r", root)
        again = await _index(engine, "r", root)
        rows = {row["key"]: row for row in await live_rows(dsn, "r")}
    errors = {key for key, row in rows.items() if row["error"]}
    skipped = {key for key, row in rows.items() if row["skipped"]}
    named_badly = {"new\\nline.py", "bad\\udcff.py"}
    assert errors == {"binary.py", "latin.txt", "loop", "out"} | named_badly
    assert skipped == {"picture.png", "large.txt"}
    assert rows["good.py"]["chunk_count"] == 1
    assert rows["empty.py"]["chunk_count"] == rows["blank.md"]["chunk_count"] == 0
    assert rows["broken.py"]["diagnostics"]
    assert rows["minified.js"]["chunk_count"] > 100
    assert report.errors == 6
    assert again.visited == 0
