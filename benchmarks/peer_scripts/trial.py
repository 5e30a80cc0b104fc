"""What all contenders of one run share: the files, the chunker, the embedder and the answer.

Runs in the environment of each contender, so it needs no more than httpx, numpy and psutil.
"""

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import anyio
import anyio.to_thread
import numpy as np
import psutil

from benchmarks.provider_client import ProviderClient
from benchmarks.slow_provider import AT_ONCE, DIMENSION, MAX_TEXTS

CHUNK_CHARS = 1000
BYTES_HASHED = 64

_PARAGRAPHS = re.compile(r"\n(?=\s*\n)")


@dataclass(slots=True)
class Trial:
    """One contender in one process. `url` empty means the embedder that costs next to nothing."""

    tree: Path
    dsn: str
    url: str
    state: Path
    texts: int = 0
    _client: ProviderClient | None = None

    @classmethod
    def from_arguments(cls) -> "Trial":
        tree, dsn, url, state = sys.argv[1:]
        return cls(Path(tree), dsn, url, Path(state))

    async def turns(self) -> AsyncIterator[None]:
        """Once for each line on the standard input: the call that indexes, and nothing else."""
        self._client = ProviderClient(self.url) if self.url else None
        while await anyio.to_thread.run_sync(sys.stdin.readline):
            self.texts = 0
            before, began = _cpu_seconds(), time.perf_counter()
            yield
            seconds, cpu = time.perf_counter() - began, _cpu_seconds() - before
            print(json.dumps({"seconds": seconds, "cpu": cpu, "texts": self.texts}), flush=True)

    async def batch(self, texts: Sequence[str]) -> Any:
        """A row for each of at most 32 texts."""
        self.texts += len(texts)
        return await self._client.embed(texts) if self._client else _hashed(texts)

    async def many(self, texts: Sequence[str]) -> Any:
        """A row for each text; full batches, eight at once."""
        starts = range(0, len(texts), MAX_TEXTS)
        found: dict[int, Any] = {}
        batches = iter(starts)

        async def work() -> None:
            for at in batches:
                found[at] = await self.batch(texts[at : at + MAX_TEXTS])

        async with anyio.create_task_group() as tasks:
            for _ in range(AT_ONCE):
                tasks.start_soon(work)
        return np.concatenate([found[at] for at in starts]) if found else np.empty((0, DIMENSION))


def paths(folder: str) -> Iterator[os.DirEntry[str]]:
    """The Python files beneath it."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from paths(entry.path)
            elif entry.name.endswith(".py"):
                yield entry


def read(path: str) -> str:
    return Path(path).read_bytes().decode("utf-8", "replace").replace("\0", "")


def chunks(text: str) -> list[str]:
    """Paragraphs, as many together as fit; one that is longer is cut by lines, then anywhere.

    A chunk ends early before a line that begins a definition once it is half full, so that
    what follows an edit is soon cut as it was before.
    """
    found: list[str] = []
    held = ""
    for piece in _pieces(text):
        fits = len(held) + len(piece) <= CHUNK_CHARS
        begins = len(held) > CHUNK_CHARS // 2 and _begins(piece)
        if held and (begins or not fits):
            found.append(held)
            held = ""
        held += piece
    found.append(held)
    return [chunk for chunk in found if chunk.strip()]


def _begins(piece: str) -> bool:
    return piece.lstrip().startswith(("def ", "class ", "@", "async def "))


def _pieces(text: str) -> Iterator[str]:
    for paragraph in _PARAGRAPHS.split(text):
        whole = paragraph + "\n"
        if len(whole) <= CHUNK_CHARS:
            yield whole
            continue
        for line in whole.splitlines(keepends=True):
            yield from (line[at : at + CHUNK_CHARS] for at in range(0, len(line), CHUNK_CHARS))


def _hashed(texts: Sequence[str]) -> Any:
    digests = b"".join(
        hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=BYTES_HASHED).digest()
        for text in texts
    )
    numbers = np.frombuffer(digests, np.uint8).reshape(len(texts), BYTES_HASHED)
    return np.tile(numbers.astype(np.float32) - 127.5, DIMENSION // BYTES_HASHED)


def _cpu_seconds() -> float:
    """Of this process, of those it has waited for, and of those it has now."""
    used = [getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)]
    total = sum(each.ru_utime + each.ru_stime for each in used)
    for child in psutil.Process().children(recursive=True):
        try:
            total += sum(child.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total
