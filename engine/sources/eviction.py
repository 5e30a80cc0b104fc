"""Remove checkouts that nobody uses and the disk should not keep."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from engine.index.embedded.file_lock import FileLock
from engine.sources.blob_reader import MARKER
from engine.sources.checkout import set_aside, sweep_clones
from engine.sources.checkouts import Checkouts, Kept, to_evict

_NAME = re.compile(r"[0-9a-f]{32}")


def tidy(checkouts: Checkouts) -> list[str]:
    """Sweep what killed clones left and evict; the names of what was evicted. Blocking."""
    sweep_clones(checkouts.root)
    names = to_evict(
        _kept(checkouts.root),
        max_bytes=checkouts.max_bytes,
        max_age_seconds=checkouts.max_age_seconds,
        now=time.time(),
    )
    return [name for name in names if _evict(checkouts.root / name)]


def _kept(root: Path) -> Iterator[Kept]:
    for folder in root.iterdir():
        if _NAME.fullmatch(folder.name):
            yield Kept(folder.name, _size(folder), _used_at(folder))


def _size(folder: Path) -> int:
    """The bytes of its files: a repository without a working tree has a few dozen."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(f"{path}/{name}").st_size
    return total


def _used_at(folder: Path) -> float:
    """When a pass last began with it; long ago for what is no checkout."""
    try:
        return os.stat(folder / MARKER).st_mtime
    except OSError:
        return 0.0


def _evict(folder: Path) -> bool:
    """Unless a pass uses it: each holds the lock, shared, for as long as it reads."""
    lock = FileLock(folder.with_suffix(".use"))
    try:
        if not lock.try_exclusive():
            return False
        set_aside(folder)
        return True
    finally:
        lock.close()
