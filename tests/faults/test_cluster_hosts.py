"""A Dask cluster whose workers are on hosts of their own: other files, and links that are cut."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from git_server import GitServer, Upstream, git_server
from live_trees import live_rows, write_tree
from visited_trees import layered_tree

from benchmarks.dask_cluster import Cluster, dask_cluster
from engine import (
    Engine,
    Folder,
    GitRepository,
    Isolation,
    PassReport,
    Settings,
    TokenFromEnvironment,
)

pytestmark = pytest.mark.long
pytest.importorskip("distributed", reason="the extra `dask` is not installed")

TOKEN = "ghs_0123456789abcdefSECRET"


@asynccontextmanager
async def _engine(dsn: str, home: Path, executor: str = "") -> AsyncIterator[Engine]:
    settings = Settings(
        home=home,
        dsn=dsn,
        isolation=Isolation.INLINE,
        embedder="hashed",
        worker_processes=1,
        max_attempts=1,
        executor=executor.replace("tcp://", "dask://"),
        executor_unsecured=True,
    )
    async with Engine.open(settings) as engine:
        yield engine


async def _index(engine: Engine, name: str, source: GitRepository | Folder) -> PassReport:
    realm = await engine.add_realm(name, source)
    return await (await realm.index()).finished()


def _without_sight_of(folder: Path) -> tuple[str, ...]:
    """Runs a command for which the folder is empty, as on a host that has no such files."""
    hide = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(folder))
    try:
        subprocess.run([*hide, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no folder can be hidden from a process here")
    return hide


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as server:
        server.token = TOKEN
        yield server


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    upstream = Upstream(tmp_path / "served" / "r")
    layered_tree(upstream.folder)
    upstream.commit()
    return upstream


@pytest.fixture
def far_cluster(dsn: str, tmp_path: Path) -> Iterator[Cluster]:
    """Two workers that share a home of their own, and not that of the passes."""
    (tmp_path / "home").mkdir()
    told = {
        "WIDTHWISE_DSN": dsn,
        "WIDTHWISE_EMBEDDER": "hashed",
        "WIDTHWISE_HOME": str(tmp_path / "far"),
        "TOKEN_OF_THE_REALM": TOKEN,
    }
    with dask_cluster(0, environment=told) as cluster:
        for _ in range(2):
            cluster.add_worker(entering=_without_sight_of(tmp_path / "home"))
        yield cluster


def _changed(upstream: Upstream) -> None:
    """More files than are visited here in any case."""
    text = "def work_0_{}(number: float) -> float:\n    return number / 2\n"
    write_tree(
        upstream.folder,
        {f"layer0/part{place}.py": text.format(place) for place in range(7)}
        | {f"new/part{place}.py": f"from layer4.part{place} import *\n" for place in range(8)}
        | {"layer2/part4.py": None},
    )
    upstream.commit()


async def test_workers_that_do_not_see_the_checkout_fetch_the_commit_themselves(
    far_cluster: Cluster,
    dsn: str,
    tmp_path: Path,
    server: GitServer,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN_OF_THE_REALM", TOKEN)
    credentials = TokenFromEnvironment("TOKEN_OF_THE_REALM")
    repository = GitRepository(server.url("r"), credentials=credentials)
    async with _engine(dsn, tmp_path / "home", far_cluster.address) as engine:
        first = await _index(engine, "far", repository)
        _changed(upstream)
        server.requests.clear()
        second = await _index(engine, "far", repository)
        fetched = [request for request in server.requests if "git-upload-pack" in request]
        anew = await _index(engine, "anew", repository)
    async with _engine(dsn, tmp_path / "home") as engine:
        here = await _index(engine, "here", GitRepository(server.url("r"), "main", credentials))
        await _index(engine, "folder", Folder(upstream.folder))
    assert (first.errors, second.errors) == (1, 1)
    assert second.visited < anew.visited == here.visited
    rows = await live_rows(dsn, "far")
    for name in ("anew", "here", "folder"):
        assert rows == await live_rows(dsn, name), name
    # One mirror for both workers, which has fetched the second commit once.
    mirrors = [path for path in (tmp_path / "far" / "checkouts").iterdir() if path.is_dir()]
    assert len(mirrors) == 1
    assert sum(request.startswith("POST") for request in fetched) <= 5, fetched
    assert TOKEN not in far_cluster.logs


async def test_a_worker_without_the_token_says_which_variable_it_lacks(
    dsn: str,
    tmp_path: Path,
    server: GitServer,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from engine import PassFailed

    monkeypatch.setenv("TOKEN_OF_THE_PASS", TOKEN)
    (tmp_path / "home").mkdir()
    told = {"WIDTHWISE_DSN": dsn, "WIDTHWISE_EMBEDDER": "hashed", "TOKEN_OF_THE_PASS": ""}
    told["WIDTHWISE_HOME"] = str(tmp_path / "far")
    repository = GitRepository(
        server.url("r"), credentials=TokenFromEnvironment("TOKEN_OF_THE_PASS")
    )
    with dask_cluster(0, environment=told) as cluster:
        cluster.add_worker(entering=_without_sight_of(tmp_path / "home"))
        async with _engine(dsn, tmp_path / "home", cluster.address) as engine:
            with pytest.raises(PassFailed, match="TOKEN_OF_THE_PASS is not set"):
                await _index(engine, "far", repository)
        assert TOKEN not in cluster.logs
    assert await live_rows(dsn, "far") == []
