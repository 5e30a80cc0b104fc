"""Agents that start the command themselves: a real process, its pipes, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from engine.index.embedded.file_lock import is_held
from engine.index.embedded.layout import Layout
from engine.web.agents.stdio import MAX_MESSAGE_BYTES, input_lines

PROGRAM = ["-c", "from engine.cli import main; main()"]
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@pytest.fixture
def environment(dsn: str, tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "WIDTHWISE_DSN": dsn,
        "WIDTHWISE_HOME": str(tmp_path / "home"),
        "WIDTHWISE_EMBEDDER": "hashed",
    }


async def test_an_agent_that_may_write_indexes_and_reads_what_it_indexed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "money.py").write_text("def refund(order):\n    return order.total\n")
    # Told to log, it does so to its stderr: the client would stumble over any line of a log.
    arguments = [*PROGRAM, "--verbose", "mcp", "--write", "--folder", str(tmp_path)]
    process = StdioServerParameters(command=sys.executable, args=arguments, env=environment)
    with anyio.fail_after(120):
        async with Client(process) as agent:
            added = {"realm": "shop", "kind": "folder", "location": str(tmp_path / "tree")}
            assert "is added" in await said(agent, "add_realm", **added)
            # A tool tells how it is; nothing tells an agent that it has changed.
            while "indexed 1/1" not in await said(agent, "status", realm="shop"):  # noqa: ASYNC110
                await anyio.sleep(0.05)
            assert "money.py:1-2  refund (function)" in await said(agent, "search", query="refund")
            lines = await said(agent, "read_lines", path=str(tmp_path / "tree" / "money.py"))
            assert lines.endswith("1  def refund(order):\n2      return order.total")


async def said(agent: Client, tool: str, **arguments: str) -> str:
    done = await agent.call_tool(tool, arguments)
    assert not done.is_error, done
    return str(done.content[0].text)  # type: ignore[union-attr]


@contextmanager
def greeted(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], bytes]]:
    """The command after the first message, with its answer."""
    with subprocess.Popen(
        [sys.executable, *PROGRAM, "mcp"], env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        tell(process.stdin, HELLO)
        assert process.stdout is not None
        yield process, process.stdout.readline()
        process.kill()


def tell(pipe: IO[bytes] | None, message: object) -> None:
    assert pipe is not None
    pipe.write(json.dumps(message).encode() + b"\n")
    pipe.flush()


@pytest.mark.long
def test_a_closed_input_ends_it_and_leaves_no_database_running(
    environment: dict[str, str], tmp_path: Path
) -> None:
    own = environment | {"WIDTHWISE_DSN": ""}
    layout = Layout(tmp_path / "home")
    with greeted(own) as (process, answer):
        assert json.loads(answer)["result"]["serverInfo"]["name"] == "widthwise"
        assert is_held(layout.server_lock)
        rest, errors = process.communicate(timeout=60)
        assert (process.returncode, rest, errors) == (0, b"", b"")
    assert not is_held(layout.server_lock)


def test_an_interrupt_ends_it_while_nothing_is_asked(environment: dict[str, str]) -> None:
    with greeted(environment) as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.long
def test_an_agent_that_reads_no_more_ends_it_without_a_traceback(
    environment: dict[str, str],
) -> None:
    with greeted(environment) as (process, _):
        assert process.stdout is not None
        process.stdout.close()
        tell(process.stdin, {"jsonrpc": "2.0", "id": 2, "method": "ping"})
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_without_the_extra_it_says_in_one_line_what_to_install(
    environment: dict[str, str],
) -> None:
    absent = "import sys; sys.modules['mcp'] = None; from engine.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", absent, "mcp"], env=environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("widthwise: agents need the package mcp: pip install 'widthwise[mcp]'\n")


async def test_lines_arrive_whole_however_they_are_cut_on_their_way(tmp_path: Path) -> None:
    text = ("é" * 50_000 + "\n" + "second\n\nlast").encode()
    (tmp_path / "input").write_bytes(text)
    reading, writing = os.pipe()
    from_file = os.open(tmp_path / "input", os.O_RDONLY)
    got: list[str] = []

    async def read() -> None:
        got.extend([line async for line in input_lines(reading)])

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            for start in range(0, len(text), 30_001):
                await anyio.to_thread.run_sync(os.write, writing, text[start : start + 30_001])
            os.close(writing)
    assert got == ["é" * 50_000, "second", ""]
    assert [line async for line in input_lines(from_file)] == got
    os.close(reading)
    os.close(from_file)


async def test_a_line_that_has_no_end_ends_the_input(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"one\n" + b"x" * (MAX_MESSAGE_BYTES + (1 << 17)) + b"\ntwo\n")
    descriptor = os.open(tmp_path / "input", os.O_RDONLY)
    assert [line async for line in input_lines(descriptor)] == ["one"]
    os.close(descriptor)
