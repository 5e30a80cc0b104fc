"""A pass over a real folder into a real database."""

import os
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest
from live_trees import OpenEngine, live_rows, write_tree

from engine import (
    DraftChunk,
    Engine,
    File,
    Folder,
    JobState,
    PassFailed,
    PassReport,
    Visit,
    VisitContext,
)

MODELS = """\
class User:
    '''A person who buys.'''

    def greet(self, name: str) -> str:
        return "hello " + name
"""

PACKAGE = {
    "shop/__init__.py": "",
    "shop/models.py": MODELS,
    "shop/views.py": "from shop.models import User\n\n\ndef index(user: User): ...\n",
    "shop/urls.py": "from . import views\n\nROUTES = [views.index]\n",
    "README.md": "# Shop\n\nSells things.\n",
}


async def _index(engine: Engine, root: Path, **options: Any) -> PassReport:
    realm = await engine.add_realm("r", Folder(root))
    return await (await realm.index(**options)).finished()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", PACKAGE)


async def test_a_first_pass_visits_everything_and_a_second_nothing(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with open_engine() as engine:
        first = await _index(engine, tree)
        second = await _index(engine, tree)
    assert (first.files, first.visited, first.errors, first.generation) == (5, 5, 0, 1)
    assert first.topo_depth == 3
    assert first.texts_embedded > 0
    assert (second.visited, second.generation, second.texts_embedded) == (0, 1, 0)
    assert second.files == 5


async def test_dependencies_are_what_was_read_and_lead_both_ways(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with open_engine() as engine:
        await _index(engine, tree)
        views = await engine.neighbours("r", "shop/views.py")
    assert "shop/models.py" in views.dependencies
    assert views.dependents == ("shop/urls.py",)


async def test_a_changed_body_visits_the_file_alone(open_engine: OpenEngine, tree: Path) -> None:
    async with open_engine() as engine:
        await _index(engine, tree)
        write_tree(tree, {"shop/models.py": MODELS.replace("hello", "hi")})
        report = await _index(engine, tree)
    assert (report.modified, report.visited) == (1, 1)
    assert report.invalidated >= 3
    assert report.cut_off == report.invalidated - 1
    assert report.texts_embedded <= 2


async def test_a_changed_signature_visits_the_direct_readers_too(
    open_engine: OpenEngine, tree: Path
) -> None:
    readers = {f"reader{n}.py": "from base import find\n\nfind(1)\n" for n in range(50)}
    write_tree(tree, readers | {"base.py": "def find(key): ...\n", "far.py": "import reader1\n"})
    async with open_engine() as engine:
        await _index(engine, tree)
        write_tree(tree, {"base.py": "def find(key, default=None): ...\n"})
        report = await _index(engine, tree)
        hit = (await engine.search("find", realm="r", path="reader7.py"))[0]
    assert report.visited == 1 + 50
    assert report.cut_off == 1
    assert hit.uses == ("base.py#find def find(key, default=None)",)


async def test_a_touched_file_is_read_and_not_visited(open_engine: OpenEngine, tree: Path) -> None:
    async with open_engine() as engine:
        await _index(engine, tree)
        os.utime(tree / "shop/models.py", ns=(1, 1))
        report = await _index(engine, tree)
    assert (report.touched, report.visited) == (1, 0)


async def test_an_edit_that_keeps_size_and_mtime_is_seen(
    open_engine: OpenEngine, tree: Path
) -> None:
    path = tree / "shop/models.py"
    before = path.stat()
    async with open_engine() as engine:
        await _index(engine, tree)
        path.write_text(MODELS.replace("hello", "howdy")[: before.st_size])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        report = await _index(engine, tree)
    assert report.modified == 1


async def test_a_new_file_that_satisfies_a_reference_visits_who_named_it(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(
        tmp_path / "t", {"main.py": "import lost\nlost.find()\n", "other.py": "x = 1\n"}
    )
    async with open_engine() as engine:
        await _index(engine, root)
        write_tree(root, {"lost.py": "def find(): ...\n"})
        found = await _index(engine, root)
        rows = await live_rows(dsn, "r")
        assert rows[1]["key"] == "main.py"
        assert rows[1]["dependencies"] == ["lost.py"]
        write_tree(root, {"lost.py": None})
        lost = await _index(engine, root)
        rows = await live_rows(dsn, "r")
    assert found.visited == 2
    assert (lost.visited, lost.deleted) == (1, 1)
    assert rows[0]["dependencies"] == []


async def test_a_package_that_shadows_a_module_visits_who_named_it(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path / "t", {"a.py": "V = 1\n", "main.py": "from a import V\n"})
    async with open_engine() as engine:
        await _index(engine, root)
        write_tree(root, {"a/__init__.py": "V = 2\n"})
        report = await _index(engine, root)
        rows = {row["key"]: row for row in await live_rows(dsn, "r")}
    assert report.visited == 2
    assert rows["main.py"]["dependencies"] == ["a/__init__.py"]


EDITS: list[dict[str, str | None]] = [
    {"shop/models.py": "\n\n" + MODELS},
    {"shop/models.py": MODELS + "\n\ndef added(): ...\n"},
    {"shop/views.py": None, "shop/pages.py": PACKAGE["shop/views.py"]},
    {"shop/__init__.py": "from shop.models import *\n", "top.py": "from shop import User\n"},
    {"shop/models.py": "class User(:\n  broken"},
    {"shop/models.py": MODELS},
    {"shop/urls.py": None, "shop/models.py": None},
    {"README.md": "# Shop\n\nSee [the views](shop/pages.py).\n"},
]


async def test_incremental_equals_from_scratch_after_each_edit(
    open_engine: OpenEngine, tree: Path, dsn: str
) -> None:
    async with open_engine() as engine:
        await _index(engine, tree)
        for number, edit in enumerate(EDITS):
            write_tree(tree, edit)
            await _index(engine, tree)
            fresh = await engine.add_realm(f"fresh{number}", Folder(tree))
            await (await fresh.index()).finished()
            assert await live_rows(dsn, "r") == await live_rows(dsn, f"fresh{number}"), edit


@pytest.mark.parametrize("cap", [2, 4, 16])
async def test_any_concurrency_makes_the_same_rows(
    open_engine: OpenEngine, tmp_path: Path, dsn: str, cap: int
) -> None:
    files = {f"m{n}.py": f"import m{n % 3}\nclass C{n}:\n    def f(self): ...\n" for n in range(30)}
    root = write_tree(tmp_path / "t", files)
    reports = []
    for name, limit in (("one", 1), ("many", cap)):
        async with open_engine(index_concurrency=limit, prerender_tabs=32) as engine:
            realm = await engine.add_realm(name, Folder(root))
            reports.append(await (await realm.index()).finished())
    assert [report.concurrency for report in reports] == [1, cap]
    assert await live_rows(dsn, "one") == await live_rows(dsn, "many")


class Failing:
    """Fails on the keys it is told to, until they are removed; else one chunk a file."""

    fingerprint = "failing"

    def __init__(self, bad: set[str]) -> None:
        self.bad = bad
        self.visited: list[str] = []

    async def visit(self, file: File, context: VisitContext) -> Visit:
        self.visited.append(file.key)
        if file.key in self.bad:
            raise ValueError(f"cannot render {file.key}")
        text = (await file.read()).decode()
        return Visit((DraftChunk(text, 1, 1),)) if text else Visit()


async def test_a_failing_visit_keeps_the_last_good_content_and_the_next_good_one_heals_it(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "t", {f"{n}.txt": f"first version of {n}" for n in range(9)})
    visitor = Failing(set())
    async with open_engine(visitor=visitor) as engine:
        await _index(engine, root)
        visitor.bad = {"0.txt", "3.txt", "6.txt"}
        write_tree(root, {f"{n}.txt": f"second version of {n}" for n in range(9)})
        failed = await _index(engine, root)
        errors = dict(await engine.errors("r"))
        texts = {hit.path: hit.text for hit in await engine.search("version", realm="r", limit=20)}
        visitor.bad, visitor.visited = set(), []
        healed = await _index(engine, root)
        after = {hit.path: hit.text for hit in await engine.search("version", realm="r", limit=20)}
    assert (failed.errors, failed.failed, failed.visited) == (3, 3, 9)
    assert errors["3.txt"] == "ValueError: cannot render 3.txt"
    assert texts["3.txt"] == "first version of 3"
    assert texts["4.txt"] == "second version of 4"
    assert sorted(visitor.visited) == ["0.txt", "3.txt", "6.txt"]
    assert healed.errors == 0
    assert after["3.txt"] == "second version of 3"


async def test_a_source_that_cannot_be_listed_fails_the_pass_and_deletes_nothing(
    open_engine: OpenEngine, tree: Path, dsn: str
) -> None:
    async with open_engine() as engine:
        await _index(engine, tree)
        before = await live_rows(dsn, "r")
        os.rename(tree, tree.with_name("elsewhere"))
        with pytest.raises(PassFailed, match="tree"):
            await _index(engine, tree)
    assert await live_rows(dsn, "r") == before


async def test_a_file_that_vanishes_during_the_pass_is_a_deletion(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path / "t", {f"{n}.txt": f"text {n}" for n in range(5)})

    class Vanishing(Folder):
        """Removes a file right after it was listed, once."""

        def snapshot(self) -> Any:
            snapshot = super().snapshot()
            (root / "3.txt").unlink(missing_ok=True)
            return snapshot

    async with open_engine() as engine:
        realm = await engine.add_realm("r", Vanishing(root))
        report = await (await realm.index()).finished()
    assert [row["key"] for row in await live_rows(dsn, "r")] == ["0.txt", "1.txt", "2.txt", "4.txt"]
    assert (report.errors, report.files) == (0, 4)


async def test_readers_see_one_generation_or_the_next_and_never_a_mix(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    def version(number: int) -> dict[str, str]:
        return {f"{n}.txt": f"version {number} of file {n}" for n in range(40)}

    root = write_tree(tmp_path / "t", version(0))
    seen: set[frozenset[str]] = set()

    async def read(stop: anyio.Event) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            while not stop.is_set():
                rows = await connection.fetch(
                    "SELECT DISTINCT split_part(text, ' of', 1) AS version"
                    " FROM chunks JOIN entries USING (version)"
                )
                seen.add(frozenset(row["version"] for row in rows))
        finally:
            await connection.close()

    async with open_engine() as engine:
        await _index(engine, root)
        stop = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read, stop)
            for number in range(1, 4):
                write_tree(root, version(number))
                await _index(engine, root)
            stop.set()
    assert seen <= {frozenset({f"version {number}"}) for number in range(4)}


async def test_many_dependents_are_all_invalidated_and_another_realm_is_untouched(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    files = {f"d{n}.py": "import base\n" for n in range(1001)}
    root = write_tree(tmp_path / "t", files | {"base.py": "def f(): ...\n"})
    other = write_tree(tmp_path / "o", {"base.py": "def f(): ...\n", "d.py": "import base\n"})
    async with open_engine() as engine:
        await _index(engine, root)
        elsewhere = await engine.add_realm("other", Folder(other))
        await (await elsewhere.index()).finished()
        before = await live_rows(dsn, "other")
        write_tree(root, {"base.py": "def f(changed): ...\n"})
        report = await _index(engine, root)
    assert report.invalidated == report.visited == 1002
    assert await live_rows(dsn, "other") == before


async def test_another_recipe_visits_everything(open_engine: OpenEngine, tree: Path) -> None:
    async with open_engine() as engine:
        await _index(engine, tree)
    async with open_engine(chunk_chars=300) as engine:
        report = await _index(engine, tree)
        again = await _index(engine, tree)
    assert report.visited == 5
    assert again.visited == 0


class Held:
    """One chunk a file, once it is let go."""

    fingerprint = "held"

    def __init__(self) -> None:
        self.begun, self.let_go = anyio.Event(), anyio.Event()

    async def visit(self, file: File, context: VisitContext) -> Visit:
        self.begun.set()
        await self.let_go.wait()
        return Visit((DraftChunk((await file.read()).decode(), 1, 1),))


async def test_twin_requests_share_a_job_and_a_later_one_waits(
    open_engine: OpenEngine, tree: Path, dsn: str
) -> None:
    visitor = Held()
    connection = await asyncpg.connect(dsn)
    async with open_engine(visitor=visitor) as engine:
        await engine.add_realm("r", Folder(tree))
        async with connection.transaction():
            # Nobody can claim the first before its twin is there.
            first, twin = [await engine.index("r", connection=connection) for _ in range(2)]
        assert (first.id, first.joined) == (twin.id, False)
        assert twin.joined
        with anyio.fail_after(30):
            await visitor.begun.wait()
        follow_up, joined = await engine.index("r"), await engine.index("r")
        assert first.id != follow_up.id == joined.id
        states = [(await job.refresh()).state for job in (first, follow_up)]
        assert states == [JobState.RUNNING, JobState.PENDING]
        write_tree(tree, {"later.txt": "while it ran"})
        visitor.let_go.set()
        assert (await first.finished()).added == 5
        second = await follow_up.finished()
    await connection.close()
    assert (second.generation, second.added, second.visited) == (2, 1, 1)


async def test_a_cancelled_job_leaves_the_index_as_it_was(
    open_engine: OpenEngine, tree: Path, dsn: str
) -> None:
    async with open_engine() as engine:
        await _index(engine, tree)
        before = await live_rows(dsn, "r")
        write_tree(tree, {"new.py": "x = 1\n"})
        realm = await engine.realm("r")
        job = await realm.index()
        await job.cancel()
        with pytest.raises(PassFailed, match="cancelled"):
            await job.finished()
        assert await live_rows(dsn, "r") == before
        assert (await _index(engine, tree)).added == 1


async def test_a_deleted_realm_leaves_nothing(
    open_engine: OpenEngine, tree: Path, dsn: str
) -> None:
    async with open_engine() as engine:
        await _index(engine, tree)
        await engine.delete_realm("r")
    connection = await asyncpg.connect(dsn)
    counts = [
        await connection.fetchval(f"SELECT count(*) FROM {table}")
        for table in ("realms", "entries", "chunks", "working_entries", "passes", "definitions")
    ]
    await connection.close()
    assert counts == [0] * 6


async def test_an_unchanged_text_is_embedded_once_in_all_realms(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "t", {f"{n}.txt": "the same text" for n in range(100)})
    async with open_engine() as engine:
        first = await _index(engine, root)
        other = await engine.add_realm("other", Folder(root))
        second = await (await other.index()).finished()
    assert first.texts_embedded == 1
    assert second.texts_embedded == 0
    assert second.chunks == 100
