"""A Dask cluster whose workers are on hosts of their own: other files, and links that are cut."""

import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import asyncpg
import pytest
import visitors_for_clusters as visitors
from git_server import GitServer, Upstream, git_server
from job_checks import generation, outcomes
from live_trees import live_rows, write_tree
from own_postgres import own_postgres
from pass_oracle import left_behind
from visited_trees import layered_tree

from benchmarks.dask_cluster import Cluster, dask_cluster
from benchmarks.host_network import Host, Network, NoHosts, network_of
from engine import (
    Engine,
    Folder,
    GitRepository,
    Isolation,
    PassFailed,
    PassReport,
    Settings,
    TokenFromEnvironment,
    Visitor,
)

pytestmark = pytest.mark.long
pytest.importorskip("distributed", reason="the extra `dask` is not installed")

TOKEN = "ghs_0123456789abcdefSECRET"


@asynccontextmanager
async def _engine(
    dsn: str, home: Path, executor: str = "", visitor: Visitor | None = None
) -> AsyncIterator[Engine]:
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
    async with Engine.open(settings, visitor=visitor) as engine:
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


# A worker of which nothing is heard is given up after this; by default it takes five minutes.
QUICK = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "3s"}

CUTS = [
    pytest.param(Host.unplug, Host.plug_in, id="no carrier"),
    pytest.param(Host.swallow, Host.let_through, id="black hole"),
]

PATIENCE_SECONDS = 90


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "hold").touch()
    monkeypatch.setenv(visitors.NOTES, str(folder))
    return folder


@pytest.fixture
def network() -> Iterator[Network]:
    try:
        with network_of(1) as network:
            yield network
    except NoHosts as why:
        pytest.skip(str(why))


@asynccontextmanager
async def _database(network: Network, home: Path) -> AsyncIterator[str]:
    async with own_postgres(home, subnet=network.subnet, address=network.address) as server:
        yield server.dsn


@contextmanager
def _cluster(network: Network, dsn: str, notes: Path) -> Iterator[Cluster]:
    """A scheduler on this machine, and one worker that is not."""
    told = {"WIDTHWISE_DSN": dsn, "WIDTHWISE_EMBEDDER": "hashed", visitors.NOTES: str(notes)}
    (host,) = network.hosts
    with dask_cluster(0, environment={**QUICK, **told}, host=network.address) as cluster:
        cluster.add_worker(host=host.address, entering=host.entering)
        yield cluster


async def _held(notes: Path, *, count: int) -> list[str]:
    """The processes that have come to the file that is held, once there are so many."""
    path = notes / "held"
    while not path.exists() or len(path.read_text().split()) < count:  # noqa: ASYNC110
        await anyio.sleep(0.02)  # another process writes it
    return path.read_text().split()


def _visits(notes: Path) -> Counter[str]:
    lines = (notes / "visits").read_text().splitlines()
    return Counter(line.split()[2] for line in lines if line.split()[1] == "begin")


async def _once_and_right(dsn: str, home: Path, tree: Path, notes: Path) -> None:
    async with _engine(dsn, home, visitor=visitors.Held()) as engine:
        await _index(engine, "fresh", Folder(tree))
    assert await live_rows(dsn, "cut") == await live_rows(dsn, "fresh")
    connection = await asyncpg.connect(dsn)
    try:
        assert await generation(connection, "cut") == 1
        assert await left_behind(connection) == (0, 0, 0)
    finally:
        await connection.close()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = layered_tree(tmp_path / "tree")
    held = "from layer0.part1 import work_0_1\n\nVALUE = work_0_1(1)\n"
    return write_tree(tree, {"held.py": held})


@pytest.mark.parametrize(("cut", "heal"), CUTS)
@pytest.mark.parametrize("early", [True, False], ids=["heals before the end", "heals behind it"])
async def test_a_worker_behind_a_cut_link_is_replaced_and_writes_nothing_twice(
    network: Network,
    notes: Path,
    tmp_path: Path,
    tree: Path,
    cut: Callable[[Host], None],
    heal: Callable[[Host], None],
    early: bool,
) -> None:
    """Its visit goes on behind the cut, and ends when another worker has begun the same."""
    (host,) = network.hosts
    async with _database(network, tmp_path / "server") as dsn:
        with _cluster(network, dsn, notes) as cluster, anyio.fail_after(PATIENCE_SECONDS):
            async with _engine(dsn, tmp_path, cluster.address, visitors.Held()) as engine:
                realm = await engine.add_realm("cut", Folder(tree))
                job = await realm.index()
                await _held(notes, count=1)
                cut(host)
                cluster.add_worker()
                first, second = await _held(notes, count=2)
                if early:
                    heal(host)
                (notes / "hold").unlink()
                report = await job.finished()
                heal(host)
                assert outcomes(await job.attempts()) == ["succeeded"]
            # What it has begun it ends before it goes.
            cluster.workers[0].terminate()
            await anyio.to_thread.run_sync(cluster.workers[0].wait)
        assert first != second
        assert report.errors == 1
        assert _visits(notes)["held.py"] == 2
        await _once_and_right(dsn, tmp_path, tree, notes)


@pytest.mark.parametrize(("cut", "heal"), CUTS)
async def test_a_cut_that_heals_before_anybody_gives_up_costs_a_moment_and_no_visit(
    network: Network,
    notes: Path,
    tmp_path: Path,
    tree: Path,
    cut: Callable[[Host], None],
    heal: Callable[[Host], None],
) -> None:
    (host,) = network.hosts
    async with _database(network, tmp_path / "server") as dsn:
        with _cluster(network, dsn, notes) as cluster, anyio.fail_after(PATIENCE_SECONDS):
            async with _engine(dsn, tmp_path, cluster.address, visitors.Held()) as engine:
                realm = await engine.add_realm("cut", Folder(tree))
                job = await realm.index()
                await _held(notes, count=1)
                cluster.add_worker()
                cut(host)
                (notes / "hold").unlink()
                # Nothing happens meanwhile that could be waited for: that is the fault.
                await anyio.sleep(1)
                heal(host)
                await job.finished()
                assert outcomes(await job.attempts()) == ["succeeded"]
        assert set(_visits(notes).values()) == {1}
        await _once_and_right(dsn, tmp_path, tree, notes)
