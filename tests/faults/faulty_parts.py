"""A source, a visitor and an embedder that do what a test says at the moment it chose."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine import DraftChunk, File, Folder, HashedEmbedder, Visit, VisitContext

Fault = Callable[[], Any]


async def _nothing() -> None:
    pass


class FaultySource(Folder):
    """A folder; `at_snapshot` and `at_read` are called first, in threads of the pass."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.mend()

    def mend(self) -> None:
        self.at_snapshot: Fault = lambda: None
        self.at_read: Callable[[str], Any] = lambda _key: None

    def snapshot(self) -> Any:
        self.at_snapshot()
        return super().snapshot()

    def read(self, key: str, *, max_bytes: int) -> bytes:
        self.at_read(key)
        return super().read(key, max_bytes=max_bytes)


class FaultyVisitor:
    """One chunk a file, or what `answer` returns for it."""

    fingerprint = "faulty"

    def __init__(self) -> None:
        self.mend()

    def mend(self) -> None:
        self.answer: Callable[[File], Awaitable[Any]] = self.text

    async def visit(self, file: File, context: VisitContext) -> Visit:
        for key in dict.fromkeys(link.key for link in file.links):
            await context.definition(key)
        return await self.answer(file)  # type: ignore[no-any-return]

    async def text(self, file: File) -> Visit:
        text = (await file.read()).decode()
        return Visit((DraftChunk(text, 1, 1),))


class FaultyEmbedder:
    """The hashed vectors, or what `answer` makes of them."""

    fingerprint = "faulty"
    dimension = 256

    def __init__(self) -> None:
        self._hashed = HashedEmbedder()
        self.mend()

    def mend(self) -> None:
        self.before: Callable[[], Awaitable[None]] = _nothing
        self.answer: Callable[[Any], Any] = lambda vectors: vectors

    async def embed(self, texts: Sequence[str]) -> Any:
        await self.before()
        return self.answer(np.array(await self._hashed.embed(texts)))
