"""What a shell completes: by the environment that bash sets, and with nobody to ask."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live_trees import OpenEngine

from engine import Folder
from engine.cli.completing import complete_realm, fitting

# The name by which bash asks is that of the command.
PROGRAM = "import sys; sys.argv = ['widthwise']; from engine.cli import main; main()"


async def test_bash_completes_the_names_of_realms(
    open_engine: OpenEngine, dsn: str, tmp_path: Path
) -> None:
    async with open_engine() as engine:
        for name in ("shop", "ship", "docs"):
            await engine.add_realm(name, Folder(tmp_path))
    for words, offered in (
        ("widthwise status sh", ["ship", "shop"]),
        ("widthwise search x --realm do", ["docs"]),
    ):
        assert sorted(completed(words, WIDTHWISE_DSN=dsn)) == offered


def completed(words: str, **variables: str) -> list[str]:
    asked = {
        "_WIDTHWISE_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=os.environ | asked | variables,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


def test_nothing_is_started_to_complete_a_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WIDTHWISE_DSN", raising=False)
    monkeypatch.setenv("WIDTHWISE_HOME", str(tmp_path / "home"))
    assert complete_realm("") == []
    assert not (tmp_path / "home").exists()


@contextmanager
def mute_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        yield f"postgresql://me:pw@127.0.0.1:{mute.getsockname()[1]}/none"


def test_a_database_that_says_nothing_completes_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with mute_server() as mute:
        for dsn in (mute, "postgresql://me:pw@127.0.0.1:1/none", "no address"):
            monkeypatch.setenv("WIDTHWISE_DSN", dsn)
            monkeypatch.setenv("WIDTHWISE_WORKERS", "oops")
            assert complete_realm("") == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("names", "word", "offered"),
    [
        (["shop", "docs"], "s", ["shop"]),
        (["/src/shop", "/src/docs"], "sh", ["shop"]),
        (["/src/shop", "/src/docs"], "/src/", ["/src/shop", "/src/docs"]),
        (["/a/shop", "/b/shop"], "sh", []),
        (["/a/shop", "/b/shop"], "/b", ["/b/shop"]),
        (["shop"], "", ["shop"]),
        ([], "", []),
    ],
)
def test_a_path_is_completed_from_its_start_or_from_its_last_part(
    names: list[str], word: str, offered: list[str]
) -> None:
    assert fitting(names, word) == offered
