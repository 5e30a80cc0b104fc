"""Bring a catalogue to this disk for a pass, and keep it there while it is read."""

import hashlib
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from engine.index.embedded.file_lock import FileLock
from engine.sources.checkout import held, set_aside
from engine.sources.checkouts import Checkouts, Kept, to_evict
from engine.sources.openapi.prepare import Prepared, Wanted, prepare
from engine.sources.openapi.prepared import PreparedCatalog
from engine.sources.openapi.shelf import Shelf

if TYPE_CHECKING:
    from engine.sources.openapi.catalog import OpenApiCatalog


@asynccontextmanager
async def brought(
    catalog: "OpenApiCatalog", checkouts: Checkouts, moved: Callable[[int, int], None]
) -> AsyncIterator[PreparedCatalog]:
    """The catalogue as it is now, which no eviction takes away during the block."""
    listed_at_ns = time.time_ns()
    folder = Path(catalog.cache) if catalog.cache else _folder(catalog, checkouts)
    wanted = Wanted(
        locations=catalog.locations,
        shelf=Shelf(str(folder)),
        max_document_bytes=catalog.max_document_bytes,
        timeout_seconds=catalog.timeout_seconds,
        public_only=catalog.refuse_private or checkouts.rules.public_only,
    )
    if catalog.cache:
        found = await _prepared(wanted, moved)
        yield PreparedCatalog(found.pack, found.problems, listed_at_ns, catalog.describe())
        return
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    seconds = checkouts.timeout_seconds
    async with held(folder.with_suffix(".use"), shared=True, deadline_seconds=seconds):
        folder.mkdir(exist_ok=True, mode=0o700)
        os.utime(folder)
        await anyio.to_thread.run_sync(_tidy, folder.parent, checkouts)
        found = await _prepared(wanted, moved)
        yield PreparedCatalog(found.pack, found.problems, listed_at_ns, catalog.describe())


def _folder(catalog: "OpenApiCatalog", checkouts: Checkouts) -> Path:
    """Beside the checkouts, one for each list of locations."""
    told = hashlib.blake2b(json.dumps(catalog.locations).encode(), digest_size=16).hexdigest()
    return checkouts.root.with_name("openapi") / told


async def _prepared(wanted: Wanted, moved: Callable[[int, int], None]) -> Prepared:
    """In a thread, which a cancellation leaves behind: it ends with its document."""
    with _until_left(moved) as heard:
        return await anyio.to_thread.run_sync(prepare, wanted, heard, abandon_on_cancel=True)


class _LeftError(Exception):
    """Nobody waits for what is being prepared."""


@contextmanager
def _until_left(moved: Callable[[int, int], None]) -> Iterator[Callable[[int, int], None]]:
    """Passes on what `moved` is told, and ends who tells it once the block is over."""
    left = threading.Event()

    def heard(done: int, total: int) -> None:
        if left.is_set():
            raise _LeftError
        moved(done, total)

    try:
        yield heard
    finally:
        left.set()


def _tidy(root: Path, checkouts: Checkouts) -> None:
    """Evict what catalogues keep that no pass has used lately, as checkouts are."""
    names = to_evict(
        _kept(root),
        max_bytes=checkouts.max_bytes,
        max_age_seconds=checkouts.max_age_seconds,
        now=time.time(),
    )
    for name in names:
        lock = FileLock((root / name).with_suffix(".use"))
        try:
            if lock.try_exclusive():
                set_aside(root / name)
        finally:
            lock.close()


def _kept(root: Path) -> Iterator[Kept]:
    for folder in root.iterdir():
        if folder.suffix != ".use":
            with suppress(OSError):
                size = sum(each.stat().st_size for each in os.scandir(folder))
                yield Kept(folder.name, size, folder.stat().st_mtime)
