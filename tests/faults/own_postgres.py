"""A Postgres of one test's own, and a disk that is too small for it. Knows no tables."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.own_postgres import OwnPostgres, free_port, own_postgres

__all__ = ["OwnPostgres", "fill_disk", "free_port", "own_postgres", "small_disk"]


@contextmanager
def small_disk(folder: Path, *, mebibytes: int) -> Iterator[Path]:
    """A file system of its own size at `folder`; skips the test where none can be mounted.

    An empty cluster takes 40 MiB. All that works in the folder must have ended at the end.
    """
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder.mkdir()
    options = f"size={mebibytes}m,mode=0755"
    try:
        _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk cannot be mounted here: {getattr(error, 'stderr', error)}")
    try:
        yield folder
    finally:
        _run("umount", str(folder))


def fill_disk(folder: Path) -> Path:
    """Takes all the room that is left with one file, whose deletion gives it back."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


def _run(*command: str) -> None:
    subprocess.run(command, capture_output=True, text=True, check=True)
