"""Repositories on the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from git_server import Upstream, git_server

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(dsn: str, tmp_path: Path) -> Run:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from engine.cli import main; main()", *arguments],
            env=os.environ | {
                "WIDTHWISE_DSN": dsn, "WIDTHWISE_HOME": str(tmp_path / "home"),
                "WIDTHWISE_EMBEDDER": "hashed", "SOME_TOKEN": "t0ken",
            },
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return run


def test_a_repository_is_indexed_by_its_url_and_branch(run: Run, tmp_path: Path) -> None:
    upstream = Upstream(tmp_path / "served" / "r")
    commit = upstream.commit({"a.py": "def pay(): ...\n", "b.md": "# Refunds\n"})
    with git_server(tmp_path / "served") as server:
        server.token, url = "t0ken", server.url("r")
        done = run("index", url, "--token-env", "SOME_TOKEN", "--branch", "main", "--json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert (report["realm"], report["files"], report["revision"]) == (url, 2, commit)
        hits = json.loads(run("search", "refunds", "--realm", url, "--json").stdout)["hits"]
        assert hits[0]["path"] == "b.md"
        denied = run("index", url)
    assert denied.returncode == 1
    assert "access denied" in denied.stderr
    assert "t0ken" not in done.stderr + done.stdout + denied.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["https://user:s3cret@example.org/a"], 1, "no user or password"),
        (["ext::sh -c x"], 1, "not a git URL"),
        (["git@example.org:a/b"], 1, "ssh is not allowed here; use https"),
        ([".", "--branch", "main"], 2, "for the URL of a repository"),
    ],
)
def test_what_can_not_be_indexed_says_why(
    run: Run, arguments: list[str], code: int, says: str
) -> None:
    done = run("index", *arguments)
    assert done.returncode == code
    assert says in done.stderr
    assert "s3cret" not in done.stderr
