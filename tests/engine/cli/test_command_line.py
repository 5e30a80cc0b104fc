"""The command line as a person or a program meets it: real processes, real exit codes."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import asyncpg
import pytest
from anyio.from_thread import BlockingPortal

TREE = {
    "shop/__init__.py": "",
    "shop/models.py": "class User:\n    def greet(self, name):\n        return name\n",
    "shop/views.py": "from shop.models import User\n\n\ndef show(user: User):\n    return user\n",
    "notes.md": "# Payments\n\nRefunds take three days.\n",
}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for key, text in TREE.items():
        path = tmp_path / "tree" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "tree"


@pytest.fixture
def run(dsn: str, tmp_path: Path) -> Run:
    """Runs `widthwise` on the test's database with the hashed embedder."""
    environment = os.environ | {
        "WIDTHWISE_DSN": dsn,
        "WIDTHWISE_HOME": str(tmp_path / "home"),
        "WIDTHWISE_EMBEDDER": "hashed",
        "COLUMNS": "80",
    }

    def run(
        *arguments: str, stdout: int = subprocess.PIPE, **changes: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from engine.cli import main; main()", *arguments],
            env=environment | changes,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def _json(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_tree_is_indexed_searched_and_found_unchanged(run: Run, tree: Path) -> None:
    first = _json(run("index", str(tree), "--json"))
    assert first["realm"] == str(tree)
    assert (first["files"], first["visited"], first["errors"]) == (4, 4, 0)
    for name in (
        "generation", "cut_off", "deleted", "chunks", "texts_embedded", "max_layer_width",
        "topo_depth", "concurrency", "seconds",
    ):  # fmt: skip
        assert isinstance(first[name], int | float), name

    hits = _json(run("search", "how long do refunds take", "--json"))["hits"]
    assert hits[0]["path"] == "notes.md"
    assert {"path", "start_line", "end_line", "symbol", "score", "text"} <= hits[0].keys()

    second = _json(run("index", str(tree), "--json"))
    assert (second["visited"], second["generation"]) == (0, 1)
    assert "nothing to visit" in run("index", str(tree)).stdout

    graph = _json(run("graph", "shop/models.py", "--json"))
    assert graph["dependents"] == ["shop/views.py"]
    tuned = _json(run("tune", "tree", "--cap", "2", "--json"))
    assert [each["cap"] for each in tuned["samples"]] == [2]
    assert {"knee", "ceiling", "setting", "value", "reason"} <= tuned["advice"].keys()
    status = _json(run("status", "--json"))["realms"]
    assert (status[0]["realm"], status[0]["files"]) == (str(tree), 4)


def test_people_get_lines_they_can_read(run: Run, tree: Path) -> None:
    indexed = run("index", str(tree))
    assert indexed.returncode == 0, indexed.stderr
    assert "4 files" in indexed.stdout
    assert "0 errors" in indexed.stdout
    found = run("search", "greet user", "--limit", "2")
    assert "shop/models.py:1-3" in found.stdout
    assert "\x1b" not in found.stdout + indexed.stdout
    assert "indexed" in run("status").stdout
    tuned = run("tune", str(tree))
    assert "visited 4 of 4 files" in tuned.stdout, tuned.stderr
    assert "set INDEX_RUNNER_MAX_CONCURRENCY=4" in tuned.stdout
    assert "shop/views.py" in run("graph", "shop/models.py", "--realm", "tree").stdout
    outline = run("outline", "shop/models.py").stdout.splitlines()
    assert outline[1:] == [
        "        1-3  class User",
        "        2-3  User.greet  def greet(self, name)",
    ]
    lines = run("lines", "shop/models.py", "--start", "2", "--end", "2").stdout.splitlines()
    assert lines[0].startswith("shop/models.py:2-2 of 3 lines; ")
    assert lines[1:] == ["2      def greet(self, name):", "go on with --start 3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("index", "/no/such/folder"), "/no/such/folder: no such folder"),
        (("index", "/etc/hostname"), "/etc/hostname: not a folder"),
    ],
)
def test_a_path_that_cannot_be_indexed_is_one_line_and_exit_code_2(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"widthwise: {message}\n"


@pytest.mark.parametrize(
    "arguments",
    [("status", "nowhere"), ("search", "x", "--realm", "nowhere"), ("graph", "a.py")],
)
def test_what_is_not_known_is_one_line_and_exit_code_1(
    run: Run, arguments: tuple[str, ...]
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("widthwise: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://me:hunter2@127.0.0.1:1/none",
        "postgresql://me:hunter2",
        "postgrs://me:hunter2@h/d",
        "hunter2",
        "postgresql://me:pw@127.0.0.1:1/none?sslmode=hunter2",
    ],
)
def test_a_database_that_cannot_be_opened_is_one_line_without_its_password(
    run: Run, dsn: str
) -> None:
    done = run("status", WIDTHWISE_DSN=dsn)
    assert done.returncode == 1
    assert done.stderr.startswith("widthwise: cannot open the database")
    assert "WIDTHWISE_DSN" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch",), "no such command 'nosuch'; see `widthwise --help`"),
        (("delete", "x", "--json"), "no such option: --json; see `widthwise delete --help`"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"widthwise: {message}\n")


def test_the_help_tells_the_exit_codes_and_has_the_command_by_its_name(run: Run) -> None:
    told = run("--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert "Usage: widthwise [OPTIONS]" in told.stdout
    assert "Exit codes: 0 " in told.stdout
    without = run()
    assert (without.returncode, without.stdout, without.stderr) == (2, "", told.stdout)


def test_a_role_that_may_not_make_the_tables_is_told_what_it_needs(
    run: Run, dsn: str, portal: BlockingPortal
) -> None:
    role = f"other_{uuid4().hex}"
    portal.call(_execute, dsn, f"CREATE ROLE {role}")
    done = run("status", WIDTHWISE_DSN=f"{dsn}&role={role}")
    portal.call(_execute, dsn, f"DROP ROLE {role}")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "has to own the database" in done.stderr


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


def test_a_home_that_cannot_be_is_one_line_that_says_what_to_set(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("status", WIDTHWISE_DSN="", WIDTHWISE_HOME=str(tmp_path / "file" / "home"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "set WIDTHWISE_HOME to another folder" in done.stderr


def test_a_malformed_number_in_the_environment_means_the_default(run: Run, tree: Path) -> None:
    done = run("index", str(tree), "--json", INDEX_RUNNER_MAX_CONCURRENCY="oops")
    assert json.loads(done.stdout)["visited"] == 4
    assert "INDEX_RUNNER_MAX_CONCURRENCY" in done.stderr


def test_settings_are_listed_without_credentials(run: Run) -> None:
    settings = _json(run("settings", "--json", WIDTHWISE_DSN="postgresql://u:hunter2@h/d"))
    assert settings["index_concurrency"] == {
        "variable": "INDEX_RUNNER_MAX_CONCURRENCY",
        "value": "4",
    }
    assert "hunter2" not in json.dumps(settings)


def test_a_deleted_realm_is_gone(run: Run, tree: Path) -> None:
    run("index", str(tree), "--realm", "shop")
    assert run("delete", "shop").returncode == 0
    assert _json(run("status", "--json"))["realms"] == []
    assert tree.exists()


@pytest.mark.parametrize("arguments", [("status",), ("settings", "--json")])
def test_a_reader_that_has_gone_is_told_nothing(run: Run, arguments: tuple[str, ...]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = run(*arguments, stdout=write_end)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, "")


def test_names_cannot_steer_the_terminal(run: Run, tree: Path) -> None:
    (tree / "evil\x1b[31m.md").write_text("# Evil\n\nA \x1b[31mred\x1b[0m refund.\n")
    run("index", str(tree))
    done = run("search", "evil red refund")
    assert "\x1b" not in done.stdout
    assert run("index", str(tree)).returncode == 0


def test_the_commands_about_jobs_tell_and_change_what_is_so(run: Run, tree: Path) -> None:
    assert "no jobs" in run("jobs").stdout
    _json(run("index", str(tree), "--json"))
    (job,) = _json(run("jobs", "--json"))["jobs"]
    assert (job["state"], job["realm"], job["done"], job["total"]) == ("succeeded", str(tree), 4, 4)
    told = _json(run("job", str(job["id"]), "--json"))
    assert [attempt["outcome"] for attempt in told["attempts"]] == ["succeeded"]
    read = run("job", str(job["id"])).stdout
    assert "attempt 1: succeeded" in read
    path = told["report"]["plan"]["path"]
    assert path
    assert all(f"{step['seconds']:.3f} s  {step['key']}" in read for step in path)

    assert run("pause", "tree").returncode == 0
    paused = run("index", str(tree))
    assert (paused.returncode, "is paused" in paused.stderr) == (1, True)
    assert "paused" in run("status", "tree").stdout
    again = run("retry", str(job["id"]))
    assert "is pending" in again.stdout
    (pending,) = _json(run("jobs", "tree", "--state", "pending", "--json"))["jobs"]
    assert _json(run("status", "tree", "--json"))["realms"][0]["label"] == "queued"
    assert "is cancelled" in run("cancel", str(pending["id"])).stdout
    assert "already" in run("cancel", str(pending["id"])).stdout
    assert run("resume", "tree").returncode == 0
    assert "nothing to visit" in run("index", str(tree)).stdout


@pytest.mark.parametrize("command", ["job", "cancel", "retry"])
def test_a_job_that_is_not_known_is_said_to_be_unknown(run: Run, command: str) -> None:
    done = run(command, "12")
    assert (done.returncode, done.stdout) == (1, "")
    assert "job 12: not known here" in done.stderr
    assert run(command, "twelve").returncode == 2


async def _runs_a_job(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    with anyio.fail_after(60):
        while True:
            # The command makes the tables first.
            with suppress(asyncpg.UndefinedTableError):
                if await connection.fetchval("SELECT 1 FROM jobs WHERE state = 'running'"):
                    break
    await connection.close()


def test_an_interrupted_command_cancels_its_job_and_says_so(
    run: Run, dsn: str, tmp_path: Path
) -> None:
    # A remote that takes the question and never answers: the pass can't be over before it is seen.
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/mute.git"
        environment = os.environ | {"WIDTHWISE_DSN": dsn, "WIDTHWISE_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-c", "from engine.cli import main; main()", "index", url]
        with subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, text=True
        ) as process:
            anyio.run(_runs_a_job, dsn)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
    assert (process.returncode, "interrupted" in said) == (130, True)
    (job,) = _json(run("jobs", "--json"))["jobs"]
    assert job["state"] == "cancelled"


def test_an_openapi_document_is_indexed_by_its_path(run: Run, tmp_path: Path) -> None:
    document = tmp_path / "shop.yaml"
    document.write_text("openapi: 3.0.0\npaths: {/refunds: {post: {operationId: giveBack}}}\n")
    report = _json(run("index", str(document), "--json", XDG_CACHE_HOME=str(tmp_path)))
    hits = _json(run("search", "give back", "--realm", "shop.yaml", "--json"))["hits"]
    assert (report["realm"], report["files"], report["errors"]) == (str(document), 1, 0)
    assert [(hit["path"], hit["symbol"]) for hit in hits] == [
        ("shop.yaml/paths/refunds/post.openapi-operation", "giveBack")
    ]
    refused = run("index", "http://127.0.0.1:1/api", "--openapi", WIDTHWISE_MAX_ATTEMPTS="1")
    assert refused.returncode == 1
