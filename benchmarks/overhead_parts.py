"""A source, visitors and an embedder that cost next to nothing. Measure nothing themselves."""

import time
from collections.abc import Sequence

import numpy as np

from engine import DraftChunk, File, Visit, VisitContext
from engine.embedders import Vectors
from engine.sources import Snapshot, SourceFile, Stamp

FILES_IN_A_FOLDER = 100
DIMENSION = 256


class MadeUp:
    """So many files of a line each. `began` is when the last snapshot was asked for."""

    def __init__(self, files: int) -> None:
        self._files = files
        self.began = 0.0

    def snapshot(self) -> Snapshot:
        self.began = time.perf_counter()
        listed_at_ns = time.time_ns()
        stamp = Stamp(16, 1, 1, 0)
        files = (SourceFile(_key(number), stamp) for number in range(self._files))
        return Snapshot(tuple(files), listed_at_ns=listed_at_ns)

    def read(self, key: str, *, max_bytes: int) -> bytes:
        return f"This is {key}".encode()[:max_bytes]

    def describe(self) -> dict[str, str]:
        return {"kind": "made up", "files": str(self._files)}


def _key(number: int) -> str:
    return f"f{number // FILES_IN_A_FOLDER:05}/m{number:07}.txt"


class NoChunk:
    """An entry without a chunk."""

    fingerprint = "no chunk"

    async def visit(self, file: File, context: VisitContext) -> Visit:
        return Visit()


class OneChunk:
    """An entry with a chunk: the file's key."""

    fingerprint = "one chunk"

    async def visit(self, file: File, context: VisitContext) -> Visit:
        return Visit((DraftChunk(file.key, 1, 1),))


class Constant:
    """One vector for all texts."""

    fingerprint = "constant"
    dimension = DIMENSION
    batch_size = 32
    concurrency = 8

    def __init__(self) -> None:
        self._row = np.linspace(1, 2, DIMENSION, dtype=np.float32)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.tile(self._row, (len(texts), 1))
