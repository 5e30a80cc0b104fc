"""Where no secret may be found while a repository is indexed, nor after it."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import asyncpg
import pytest
from fake_github import PEM, FakeGitHub, fake_github
from git_server import GitServer, Upstream, git_server

from engine import (
    Engine,
    FailureKind,
    GitHubApp,
    GitRepository,
    Isolation,
    PassFailed,
    Settings,
    TokenFromEnvironment,
)

TOKEN = "ghs_0123456789abcdefSECRET1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    upstream = Upstream(tmp_path / "served" / "r")
    upstream.commit({"a.py": "x = 1\n", "b.py": "import a\n"})
    with git_server(tmp_path / "served") as server:
        server.token, server.gate = TOKEN, threading.Event()
        yield server


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with fake_github() as github:
        github.prefix = TOKEN[:-1]
        yield github


def token(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, _: Path) -> TokenFromEnvironment:
    monkeypatch.setenv("NAME_OF_SECRET", TOKEN)
    return TokenFromEnvironment("NAME_OF_SECRET")


def app(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, _: Path) -> GitHubApp:
    monkeypatch.setenv("NAME_OF_SECRET", PEM)
    return GitHubApp("123", private_key_env="NAME_OF_SECRET", api_url=github.url)


def app_with_file(github: FakeGitHub, _: pytest.MonkeyPatch, folder: Path) -> GitHubApp:
    path = folder / "NAME_OF_SECRET"
    path.write_text(PEM)
    return GitHubApp("123", private_key_path=str(path), api_url=github.url)


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


def commands_that_run() -> str:
    """Of all processes: git and what it starts, a worker process and those that parse."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes())
        except OSError:
            continue
    return b"\n".join(found).decode("utf-8", "replace")


def parts_of(secret: str) -> list[str]:
    """Pieces that would tell it, however it were wrapped."""
    lines = [line for line in secret.splitlines() if not line.startswith("-")]
    return [line.rstrip("=")[4:-4] for line in lines if len(line) > 12]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")
@pytest.mark.parametrize(
    ("offer", "isolation"),
    [(token, Isolation.INLINE), (app, Isolation.PROCESS), (app_with_file, Isolation.INLINE)],
)
async def test_no_secret_is_in_an_argument_a_log_a_row_or_a_file(
    offer: Callable[[FakeGitHub, pytest.MonkeyPatch, Path], TokenFromEnvironment | GitHubApp],
    isolation: Isolation,
    dsn: str,
    server: GitServer,
    github: FakeGitHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    repository = GitRepository(server.url("r"), None, offer(github, monkeypatch, tmp_path))
    home = tmp_path / "home"
    settings = Settings(
        home=home, dsn=dsn, embedder="hashed", worker_processes=1, isolation=isolation,
        max_attempts=1,
    )  # fmt: skip
    async with Engine.open(settings) as engine:
        realm = await engine.add_realm("r", repository)
        job = await realm.index()
        assert await anyio.to_thread.run_sync(server.reached.wait, 30)
        commands, half = commands_that_run(), contents_below(home)
        assert server.gate is not None
        server.gate.set()
        with anyio.fail_after(60):
            assert (await job.finished()).files == 2
            server.token = "another"
            denied = await realm.index()
            with pytest.raises(PassFailed):
                await denied.finished()
        await denied.refresh()
        assert denied.error_kind is FailureKind.PERMANENT
        assert "access denied" in str(denied.error)
        commands += commands_that_run()
        stored = await everything_stored(dsn)
    kept = contents_below(home)
    # All of it was looked at, and the names of secrets are where they belong.
    assert "remote-http" in commands
    assert isolation is Isolation.INLINE or "worker_process" in commands
    assert "bare = true" in half
    assert "bare = true" in kept
    assert "NAME_OF_SECRET" in stored
    assert "pass done" in caplog.text
    secrets = [TOKEN, PEM, server.authorization, *github.bearers, "another"]
    assert bool(github.bearers) is isinstance(repository.credentials, GitHubApp)
    seen = {
        "commands": commands, "half": half, "kept": kept, "stored": stored, "log": caplog.text,
        "shown": f"{repository!r} {repository.credentials!r} {denied.row.as_json()}",
    }  # fmt: skip
    for secret in (part for each in secrets for part in parts_of(each)):
        assert [name for name, text in seen.items() if secret in text] == []
