"""What a pass promises wherever its files are visited: here, or by the workers of a cluster."""

import pickle
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
import visitors_for_clusters as visitors
from live_trees import live_rows, write_tree
from visited_trees import layered_tree

from benchmarks.dask_cluster import Cluster
from engine import Engine, Folder, Isolation, PassReport, Settings
from engine.executors import Executor
from engine.executors.executor import Item, Result

Open = Callable[..., AbstractAsyncContextManager[Engine]]


@pytest.fixture
def open_at(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Opens engines on the shared database, whose files are visited where `executor` says."""

    @asynccontextmanager
    async def opened(executor: str, **options: Any) -> AsyncIterator[Engine]:
        visitor = options.pop("visitor", None)
        usual = {"embedder": "hashed", "worker_processes": 1, "max_attempts": 1}
        settings = Settings(
            home=tmp_path_factory.getbasetemp(),
            dsn=shared_dsn,
            isolation=Isolation.INLINE,
            executor=executor,
            **usual | options,
        )
        async with Engine.open(settings, visitor=visitor) as engine:
            yield engine

    return opened


def _url(cluster: Cluster) -> str:
    return cluster.address.replace("tcp://", "dask://")


# What visits here is held to the same elsewhere as well.
@pytest.fixture(params=[pytest.param("here", marks=pytest.mark.long), "dask"])
def executor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, notes: Path) -> str:
    monkeypatch.setenv(visitors.NOTES, str(notes))
    return _url(request.getfixturevalue("cluster")) if request.param == "dask" else ""


async def _index(engine: Engine, name: str, tree: Path) -> PassReport:
    realm = await engine.add_realm(name, Folder(tree))
    return await (await realm.index()).finished()


async def _fresh_rows(open_at: Open, dsn: str, tree: Path) -> list[dict[str, Any]]:
    """The rows of a new realm over the tree, visited here and one file at a time."""
    name = f"fresh {uuid4()}"
    async with open_at("", index_concurrency=1) as engine:
        await _index(engine, name, tree)
    return await live_rows(dsn, name)


async def test_a_pass_gives_what_visits_one_by_one_in_this_process_give(
    executor: str, open_at: Open, shared_dsn: str, tmp_path: Path
) -> None:
    tree, name = layered_tree(tmp_path), f"all {uuid4()}"
    async with open_at(executor) as engine:
        report = await _index(engine, name, tree)
    assert await live_rows(shared_dsn, name) == await _fresh_rows(open_at, shared_dsn, tree)
    assert report.errors == 1
    assert report.concurrency > 1


@pytest.mark.long
async def test_an_incremental_pass_gives_what_one_from_scratch_gives(
    executor: str, open_at: Open, shared_dsn: str, tmp_path: Path
) -> None:
    """More files than are visited here in any case change, come and go."""
    tree, name = layered_tree(tmp_path), f"incremental {uuid4()}"
    async with open_at(executor) as engine:
        await _index(engine, name, tree)
        changed = "def work_0_{}(number: float) -> float:\n    return number / 2\n"
        write_tree(
            tree,
            {f"layer0/part{place}.py": changed.format(place) for place in range(7)}
            | {f"new/part{place}.py": f"from layer4.part{place} import *\n" for place in range(8)}
            | {"layer2/part4.py": None, "nowhere/at.py": "def all_of_it(): ...\n"},
        )
        report = await _index(engine, name, tree)
    assert await live_rows(shared_dsn, name) == await _fresh_rows(open_at, shared_dsn, tree)
    assert report.visited < report.files


async def test_every_file_is_visited_once_and_after_what_it_depends_on(
    executor: str, open_at: Open, notes: Path, shared_dsn: str, tmp_path: Path
) -> None:
    (notes / "visits").unlink(missing_ok=True)
    tree = layered_tree(tmp_path)
    async with open_at(executor, visitor=visitors.Noting()) as engine:
        name = f"ordered {uuid4()}"
        await _index(engine, name, tree)
        visits = [line.split() for line in (notes / "visits").read_text().splitlines()]
        begun = {key: int(at) for at, what, key, _ in visits if what == "begin"}
        ended = {key: int(at) for at, what, key, _ in visits if what == "end"}
        assert set(Counter(key for _, what, key, _ in visits if what == "begin").values()) == {1}
    reads = {row["key"]: row["dependencies"] for row in await live_rows(shared_dsn, name)}
    # Those of a circle read each other, so one of them is first.
    edges = [(key, read) for key in begun for read in reads[key] if not key.startswith("circle")]
    assert [edge for edge in edges if ended[edge[1]] > begun[edge[0]]] == []
    assert len(edges) > 50


async def test_a_cancelled_job_ends_the_visits_that_run(
    executor: str, open_at: Open, notes: Path, shared_dsn: str, tmp_path: Path
) -> None:
    for name in ("held", "cancelled"):
        (notes / name).unlink(missing_ok=True)
    (notes / "hold").touch()
    tree = layered_tree(tmp_path)
    write_tree(tree, {"held.py": "VALUE = 1\n"})
    async with open_at(executor, visitor=visitors.Held(), poll_seconds=0.2) as engine:
        realm = await engine.add_realm(f"held {uuid4()}", Folder(tree))
        job = await realm.index()
        with anyio.fail_after(30):
            await _appears(notes / "held")
            await job.cancel()
            await _appears(notes / "cancelled")
        assert await live_rows(shared_dsn, realm.name) == []
    (notes / "hold").unlink()


async def _appears(path: Path) -> None:
    while not path.exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
        await anyio.sleep(0.02)


class _Overheard:
    """An executor that keeps what travels through it, both ways."""

    def __init__(self, executor: Executor, heard: list[bytes]) -> None:
        self._executor = executor
        self._heard = heard

    async def run(self, function: Callable[[Item], Result], item: Item) -> Result:
        result = await self._executor.run(function, item)
        packed = getattr(item, "briefing", b"")
        told = zlib.decompress(packed) if packed else b""
        self._heard += [pickle.dumps(item), told, pickle.dumps(result)]
        return result


async def test_neither_contents_nor_credentials_travel(
    cluster: Cluster,
    shared_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from engine.executors.dask import dask_executor

    heard: list[bytes] = []

    @asynccontextmanager
    async def overheard() -> AsyncIterator[Executor]:
        async with dask_executor(cluster.address) as executor:
            yield _Overheard(executor, heard)

    monkeypatch.setenv("WIDTHWISE_EMBED_KEY", "the-key-of-a-provider")
    tree = layered_tree(tmp_path)
    write_tree(tree, {"secret.md": "# Title\n\nwords that stay at home\n"})
    settings = Settings(home=tmp_path / "home", dsn=shared_dsn, embedder="hashed", max_attempts=1)
    async with Engine.open(settings, executor=overheard) as engine:
        await _index(engine, f"overheard {uuid4()}", tree)
    travelled = b"".join(heard)
    assert b"secret.md" in travelled
    for kept in (b"words that stay at home", b"the-key-of-a-provider", shared_dsn.encode()):
        assert kept not in travelled
