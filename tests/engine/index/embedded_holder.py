"""Processes that use an embedded Postgres, to be killed, and eyes to see what is left of it."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from engine.index.embedded.file_lock import is_held

PROGRAM = Path(__file__).with_name("embedded_hold.py")
PATIENCE_SECONDS = 30


class Holder:
    """A process of its own that holds the server; `dsn` waits until it does."""

    def __init__(
        self, home: Path, *arguments: str, wrapper: Sequence[str] = (),
        python: str = sys.executable, **how: object,
    ):  # fmt: skip
        command = [*wrapper, python, str(PROGRAM), str(home), *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True, cwd="/", **how,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def dsn(self) -> str:
        line = self.process.stdout.readline().strip()
        assert line.startswith("postgresql://"), line or self.process.stderr.read()
        return line

    def error(self) -> str:
        """The last line of its traceback."""
        self.process.wait(PATIENCE_SECONDS)
        return self.process.stderr.read().strip().splitlines()[-1]

    def leave(self) -> None:
        _, error = self.process.communicate(timeout=PATIENCE_SECONDS)
        assert self.process.returncode == 0, error

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def server_pid(home: Path) -> int:
    return int((home / "postgres/data/postmaster.pid").read_text().splitlines()[0])


def reaper_pids(home: Path) -> list[int]:
    return _pids(f"embedded/boot.py {home} ")


def postmaster_pids(home: Path) -> list[int]:
    return _pids(f"bin/postgres -D {home}/postgres/data ")


def copy_cluster(stopped_home: Path, home: Path) -> None:
    """With owners and modes; far quicker than making one."""
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(stopped_home / "postgres"), str(home)], check=True)


def is_stopped(home: Path) -> bool:
    """No server, and no reaper but one that is on its way out."""
    lock = home / "postgres/reaper.lock"
    attended = lock.exists() and is_held(lock)
    return not attended and not postmaster_pids(home)


def _pids(words: str) -> list[int]:
    listed = subprocess.run(
        ["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True
    )
    lines = (line.split(None, 1) for line in listed.stdout.splitlines())
    # A child on its way from fork to exec still bears the command line of its parent.
    return sorted(int(pid) for pid, command in lines if words in f"{command} ")
