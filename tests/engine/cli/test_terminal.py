"""The command line on a terminal: what it draws, in which colours, and how Ctrl-C ends it."""

import errno
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal

from engine import Engine, Folder, Isolation, PassFailed, Settings

COMMAND = [sys.executable, "-c", "from engine.cli import main; main()"]

COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])m")

OTHER_SCREEN, BACK = "\x1b[?1049h", "\x1b[?1049l"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(dsn: str, tmp_path: Path) -> Run:
    """Runs `widthwise` on a terminal of 40 columns; `interrupt_at` is when Ctrl-C comes."""
    own = {"WIDTHWISE_DSN": dsn, "WIDTHWISE_HOME": str(tmp_path), "TERM": "xterm"}
    ours = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}
    environment = {key: value for key, value in os.environ.items() if key not in ours} | own

    def run(*arguments: str, interrupt_at: str = "", **changes: str) -> tuple[int, str]:
        terminal, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
        with subprocess.Popen(
            [*COMMAND, *arguments], env=environment | changes, stdin=side, stdout=side, stderr=side
        ) as process:
            os.close(side)
            shown = _shown(terminal, process, interrupt_at)
        os.close(terminal)
        return process.returncode, shown

    return run


def _shown(terminal: int, process: "subprocess.Popen[bytes]", interrupt_at: str) -> str:
    shown = ""
    while part := _read(terminal):
        shown += part
        if interrupt_at and interrupt_at in shown:
            process.send_signal(signal.SIGINT)
            interrupt_at = ""
    return shown


def _read(terminal: int) -> str:
    """Empty once nobody has the other side."""
    try:
        return os.read(terminal, 1 << 16).decode()
    except OSError as error:
        if error.errno == errno.EIO:
            return ""
        raise


@pytest.fixture
def failed(dsn: str, portal: BlockingPortal, tmp_path: Path) -> None:
    """A realm with a name that is longer than a line, and without its folder."""

    async def ask() -> None:
        settings = Settings(dsn=dsn, home=tmp_path, embedder="hashed", isolation=Isolation.INLINE)
        async with Engine.open(settings) as engine:
            realm = await engine.add_realm("docs/" + "x" * 60, Folder(tmp_path / "gone"))
            with pytest.raises(PassFailed):
                await (await realm.index()).finished()

    portal.call(ask)


@pytest.mark.usefixtures("failed")
def test_a_watched_status_is_drawn_in_place_and_ended_by_the_keyboard(run: Run) -> None:
    code, shown = run("status", "--watch", interrupt_at="Ctrl-C ends")
    assert code == 0
    assert "Traceback" not in shown
    drawn = shown[shown.index(OTHER_SCREEN) : shown.index(BACK)]
    assert "failed" in drawn
    assert "docs/" + "x" * 34 + "…" in drawn
    left = shown[shown.index(BACK) :]
    assert "docs/" + "x" * 60 in left
    assert "gone: no such folder" in left


@pytest.mark.usefixtures("failed")
def test_a_terminal_gets_colours_unless_it_wants_none(run: Run) -> None:
    assert COLOUR.search(run("jobs")[1])
    code, shown = run("jobs", NO_COLOR="1")
    assert (code, "failed" in shown) == (0, True)
    assert not COLOUR.search(shown)
