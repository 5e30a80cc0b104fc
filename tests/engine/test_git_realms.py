"""Passes over repositories that a real server serves."""

import logging
import os
import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import asyncpg
import pytest
from git_server import GitServer, Upstream, git, git_server
from live_trees import OpenEngine, live_rows

from engine import (
    BadSetting,
    Engine,
    FailureKind,
    Folder,
    GitRepository,
    Isolation,
    Job,
    JobState,
    PassFailed,
    PassReport,
    Phase,
    TokenFromCall,
    TokenFromEnvironment,
)

MODELS = "class User:\n    def greet(self, name: str) -> str:\n        return name\n"
FILES: dict[str, str | bytes | None] = {
    "shop/__init__.py": "",
    "shop/models.py": MODELS,
    "shop/views.py": "from shop.models import User\n\n\ndef index(user: User): ...\n",
    "README.md": "# Shop\n\nSells things.\n",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as server:
        yield server


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    upstream = Upstream(tmp_path / "served" / "r")
    upstream.commit(FILES)
    return upstream


@pytest.fixture
def checkouts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the engines of the tests keep them."""
    root = tmp_path_factory.getbasetemp() / "checkouts"
    yield root
    shutil.rmtree(root, ignore_errors=True)


async def index(engine: Engine, repository: GitRepository | Folder, name: str = "r") -> PassReport:
    realm = await engine.add_realm(name, repository, replace=True)
    return await (await realm.index()).finished()


async def failed(engine: Engine, repository: GitRepository) -> Job:
    realm = await engine.add_realm("r", repository, replace=True)
    job = await realm.index()
    with pytest.raises(PassFailed):
        await job.finished()
    return await job.refresh()


async def test_a_realm_is_pinned_to_its_commit_and_says_which(
    open_engine: OpenEngine, server: GitServer, upstream: Upstream, checkouts: Path
) -> None:
    repository = GitRepository(server.url("r"))
    async with open_engine() as engine:
        first = await index(engine, repository)
        commit = upstream.commit({"shop/models.py": MODELS.replace("return name", "return mane")})
        second = await index(engine, repository)
        revision = (await engine.status("r")).realm.revision
    assert (first.files, first.visited) == (4, 4)
    assert first.phases["fetch"] > 0
    assert (second.visited, second.modified, second.touched) == (1, 1, 0)
    assert second.revision == revision == commit


async def test_a_realm_follows_its_branch_unasked(
    open_engine: OpenEngine, server: GitServer, upstream: Upstream, checkouts: Path
) -> None:
    async with open_engine(reconcile_seconds=0.3) as engine:
        await index(engine, GitRepository(server.url("r")))
        commit = upstream.commit({"shop/models.py": MODELS + "\n\nclass Cart: ...\n"})
        with anyio.fail_after(30):
            while (await engine.status("r")).realm.revision != commit:  # noqa: ASYNC110 - a row
                await anyio.sleep(0.05)


async def test_a_checkout_deleted_between_two_passes_changes_nothing_in_the_index(
    open_engine: OpenEngine, dsn: str, server: GitServer, upstream: Upstream, checkouts: Path
) -> None:
    repository = GitRepository(server.url("r"))
    async with open_engine() as engine:
        first = await index(engine, repository)
        before = await live_rows(dsn, "r")
        shutil.rmtree(checkouts)
        again = await index(engine, repository)
        rows = await live_rows(dsn, "r")
    assert (again.visited, again.modified, again.touched, again.deleted) == (0, 0, 0, 0)
    assert (again.generation, again.revision) == (first.generation, first.revision)
    assert rows == before


def changed(source: random.Random, upstream: Upstream, checkouts: Path) -> None:
    """One thing that people do to a branch, or a disk to a checkout."""
    root = upstream.folder
    key = source.choice([*FILES, "shop/new.py", "shop/deep/x.py", "tsconfig.json"])
    match source.choice(["edit", "edit", "edit", "delete", "rename", "back", "orphan", "mode",
                         "wipe", "prune", "same size", "nothing"]):  # fmt: skip
        case "edit":
            body = f"from shop.models import User\nclass C{source.randrange(9)}(User): ...\n"
            upstream.commit({key: body})
        case "same size" if (root / key).is_file():
            upstream.commit({key: (root / key).read_text().swapcase()})
        case "delete" if (root / key).is_file():
            upstream.commit({key: None})
        case "rename" if (root / key).is_file():
            upstream.commit(
                {key: None, f"shop/r{source.randrange(5)}.py": (root / key).read_text()}
            )
        case "back":
            if git(root, "rev-list", "--count", "HEAD") not in ("0", "1"):
                git(root, "reset", "-q", "--hard", "HEAD~1")
        case "orphan":
            git(root, "checkout", "-q", "--orphan", "new")
            upstream.commit()
            git(root, "branch", "-q", "-M", "main")
        case "mode" if (root / key).is_file():
            (root / key).chmod(0o755)
            upstream.commit()
        case "prune":
            git(root, "reflog", "expire", "--expire=all", "--all")
            git(root, "gc", "-q", "--prune=now")
        case "wipe" if checkouts.exists():
            shutil.rmtree(checkouts)


async def incremental_equals_from_scratch(
    seed: int,
    open_engine: OpenEngine,
    dsn: str,
    server: GitServer,
    upstream: Upstream,
    checkouts: Path,
) -> None:
    source = random.Random(seed)
    repository = GitRepository(server.url("r"))
    async with open_engine() as engine:
        await index(engine, repository)
        for _ in range(3):
            for _ in range(source.randrange(1, 4)):
                changed(source, upstream, checkouts)
            report = await index(engine, repository)
            assert report.revision == git(upstream.folder, "rev-parse", "HEAD")
            assert report.touched == 0
        await index(engine, GitRepository(server.url("r"), "main"), "fresh")
        await index(engine, Folder(upstream.folder), "folder")
        rows = await live_rows(dsn, "r")
        assert rows == await live_rows(dsn, "fresh")
        assert rows == await live_rows(dsn, "folder")


@pytest.mark.parametrize("seed", range(4))
async def test_incremental_equals_from_scratch_and_a_folder_on_any_history(
    seed: int, open_engine: OpenEngine, dsn: str, server: GitServer, upstream: Upstream,
    checkouts: Path,
) -> None:  # fmt: skip
    await incremental_equals_from_scratch(seed, open_engine, dsn, server, upstream, checkouts)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 160))
async def test_incremental_equals_from_scratch_on_many_histories(
    seed: int, open_engine: OpenEngine, dsn: str, server: GitServer, upstream: Upstream,
    checkouts: Path,
) -> None:  # fmt: skip
    await incremental_equals_from_scratch(seed, open_engine, dsn, server, upstream, checkouts)


async def test_a_job_fails_for_good_or_for_now_as_its_remote_does(
    open_engine: OpenEngine, dsn: str, server: GitServer, upstream: Upstream, checkouts: Path
) -> None:
    async with open_engine() as engine:
        await index(engine, GitRepository(server.url("r")))
        before = await live_rows(dsn, "r")
        gone = await failed(engine, GitRepository(server.url("r"), "gone"))
        assert gone.error_kind is FailureKind.PERMANENT
        assert "no branch 'gone'; choose another" in str(gone.error)
        server.stop()
        down = await failed(engine, GitRepository(server.url("r")))
        assert down.error_kind is FailureKind.TRANSIENT
        assert await live_rows(dsn, "r") == before
        server.start()
        assert (await index(engine, GitRepository(server.url("r")))).visited == 0


async def test_a_clone_that_moves_is_seen_to_and_is_not_stalled_however_long_it_takes(
    open_engine: OpenEngine, server: GitServer, upstream: Upstream, checkouts: Path
) -> None:
    source = random.Random(1)
    upstream.commit({f"data/{i}.bin": source.randbytes(2_000) for i in range(300)})
    server.pack_seconds = 5
    seen: list[tuple[int, int]] = []
    labels: set[str] = set()
    async with open_engine(stall_seconds=2.5, sweep_seconds=0.2) as engine:
        realm = await engine.add_realm("r", GitRepository(server.url("r")))
        job = await realm.index()
        with anyio.fail_after(60):
            while not (await job.refresh()).state.is_end:
                if job.progress.phase is Phase.FETCH and job.progress.counts not in seen:
                    seen.append(job.progress.counts)
                    labels.add((await realm.status()).label)
                await anyio.sleep(0.05)
        assert (await job.finished()).phases["fetch"] > 4
    assert job.row.attempt == 1
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert all(done <= total for done, total in seen)
    assert any(label.startswith("fetching ") for label in labels)


def folders_in(checkouts: Path) -> list[Path]:
    return [path for path in checkouts.iterdir() if path.is_dir()]


async def test_a_job_that_is_cancelled_while_it_clones_ends_at_once_and_leaves_nothing(
    open_engine: OpenEngine, server: GitServer, upstream: Upstream, checkouts: Path
) -> None:
    server.gate = threading.Event()
    async with open_engine() as engine:
        realm = await engine.add_realm("r", GitRepository(server.url("r")))
        job = await realm.index()
        assert await anyio.to_thread.run_sync(server.reached.wait, 20)
        with anyio.fail_after(10):
            await job.cancel()
            while folders_in(checkouts):  # noqa: ASYNC110 - a folder tells of no event
                await anyio.sleep(0.02)
            assert (await job.refresh()).state is JobState.CANCELLED


TOKEN = "ghs_0123456789abcdefSECRET"


async def everything_stored(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        rows = [await connection.fetch(f"SELECT t::text FROM {each['name']} t") for each in tables]
    finally:
        await connection.close()
    return "\n".join(row["t"] for found in rows for row in found)


def contents_below(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "\n".join(path.read_bytes().decode("latin-1") for path in files)


def commands_that_run() -> list[bytes]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes())
        except OSError:
            continue
    return found


async def test_a_token_is_in_no_argument_log_row_or_file(
    open_engine: OpenEngine,
    dsn: str,
    server: GitServer,
    upstream: Upstream,
    checkouts: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.token, server.gate = TOKEN, threading.Event()
    monkeypatch.setenv("REPOSITORY_TOKEN", TOKEN)
    repository = GitRepository(
        server.url("r"), credentials=TokenFromEnvironment("REPOSITORY_TOKEN")
    )
    pair = server.authorization.split()[1]
    async with open_engine() as engine:
        realm = await engine.add_realm("r", repository)
        job = await realm.index()
        assert await anyio.to_thread.run_sync(server.reached.wait, 20)
        commands = b"\n".join(commands_that_run()).decode("utf-8", "replace")
        assert "remote-http" in commands
        server.gate.set()
        assert (await job.finished()).files == 4
        server.token = "another"
        denied = await failed(engine, repository)
        assert denied.error_kind is FailureKind.PERMANENT
        assert "access denied" in str(denied.error)
        stored = await everything_stored(dsn)
    kept = contents_below(checkouts)
    assert "REPOSITORY_TOKEN" in stored
    assert "bare = true" in kept
    assert server.url("r") in caplog.text + commands
    for secret in (TOKEN, pair, pair.rstrip("=")[4:-4]):
        for text in (commands, stored, kept, caplog.text, repr(repository), str(denied.error)):
            assert secret not in text


async def test_credentials_that_only_this_process_has_keep_the_job_in_it(
    open_engine: OpenEngine, server: GitServer, upstream: Upstream, checkouts: Path
) -> None:
    server.token = TOKEN
    repository = GitRepository(server.url("r"), credentials=TokenFromCall(lambda: TOKEN))
    async with open_engine() as engine:
        assert (await index(engine, repository)).files == 4
    async with open_engine(isolation=Isolation.PROCESS) as engine:
        with pytest.raises(BadSetting, match="process of their own"):
            await engine.add_realm("other", repository)


async def test_a_missing_variable_is_named(
    open_engine: OpenEngine, server: GitServer, upstream: Upstream, checkouts: Path
) -> None:
    assert "NOT_SET_ANYWHERE" not in os.environ
    credentials = TokenFromEnvironment("NOT_SET_ANYWHERE")
    async with open_engine() as engine:
        job = await failed(engine, GitRepository(server.url("r"), credentials=credentials))
    assert job.error_kind is FailureKind.PERMANENT
    assert "NOT_SET_ANYWHERE is not set" in str(job.error)
