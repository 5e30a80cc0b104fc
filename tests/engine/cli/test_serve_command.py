"""The command that serves: who gets in, and how it ends."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

NO_ROOM = os.strerror(errno.EADDRINUSE)

COMMAND = [sys.executable, "-c", "from engine.cli import main; main()", "serve"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def serving(dsn: str, home: Path, **variables: str) -> Iterator[tuple[str, str]]:
    """A running server: its address, and what it said at its start."""
    environment = {key: value for key, value in os.environ.items() if "_TOKEN" not in key}
    usual = {"WIDTHWISE_DSN": dsn, "WIDTHWISE_HOME": str(home), "WIDTHWISE_EMBEDDER": "hashed"}
    command = [*COMMAND, "--port", str(free_port())]
    with subprocess.Popen(
        command, env=environment | usual | variables, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = ""
        while "serving" not in said and (line := process.stderr.readline()):
            said += line
        (url,) = re.findall(r"serving (\S+)/$", said, re.MULTILINE)
        retrying = httpx.HTTPTransport(retries=10)
        with httpx.Client(transport=retrying, timeout=30) as client:
            assert client.get(f"{url}/healthz").status_code == 200
        yield url, said
        process.send_signal(signal.SIGTERM)
        assert (process.wait(30), process.stderr.read()) == (0, "")


def get(url: str, token: str) -> int:
    return httpx.get(f"{url}/realms", headers={"Authorization": f"Bearer {token}"}).status_code


def test_without_a_token_it_makes_one_and_says_so(dsn: str, tmp_path: Path) -> None:
    with serving(dsn, tmp_path) as (url, said):
        (token,) = re.findall(r"token of this run: (\S+)", said)
        assert (get(url, token), get(url, "another-token-than-that")) == (200, 401)
        assert httpx.get(url + "/").headers["location"] == "/console/login"


def test_the_tokens_of_the_environment_open_and_are_not_said(dsn: str, tmp_path: Path) -> None:
    write, read = "a-token-that-may-write", "a-token-that-may-read"
    variables = {"WIDTHWISE_TOKEN": write, "WIDTHWISE_READ_TOKEN": read}
    with serving(dsn, tmp_path, **variables) as (url, said):
        assert (get(url, write), get(url, read)) == (200, 200)
        refused = httpx.post(f"{url}/realms", json={}, headers={"Authorization": f"Bearer {read}"})
        assert refused.status_code == 403
        assert write not in said


@pytest.mark.parametrize(
    ("arguments", "variables", "says"),
    [
        (["--host", "0.0.0.0"], {}, "set WIDTHWISE_TOKEN"),
        ([], {"WIDTHWISE_TOKEN": "short"}, "fewer than 16 characters"),
    ],
)
def test_what_would_be_open_to_strangers_is_not_served(
    arguments: list[str], variables: dict[str, str], says: str
) -> None:
    environment = {key: value for key, value in os.environ.items() if "_TOKEN" not in key}
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment | variables,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, says in done.stderr) == (1, True)
    assert "short" not in done.stderr


def test_a_server_that_cannot_listen_or_store_is_one_line_and_exit_code_1() -> None:
    nowhere = os.environ | {"WIDTHWISE_DSN": "postgresql://127.0.0.1:1/none"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = _ended(["--port", port], nowhere)
    assert told == f"widthwise: 127.0.0.1:{port}: {NO_ROOM}; choose another --host or --port\n"
    token, error = _ended(["--port", str(free_port())], nowhere).splitlines()
    assert token.startswith("token of this run: ")
    assert error.startswith("widthwise: cannot open the database: ")


def _ended(arguments: list[str], environment: dict[str, str]) -> str:
    """What was said by a server that could not begin."""
    environment = {key: value for key, value in environment.items() if "_TOKEN" not in key}
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr
