"""A bundled embedder computed where the parsing is: off the event loop and on all cores.

On two cores Django takes 22 s so, against 29 s with one thread of this process, for some
50 MB more in each worker.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any, Protocol, TypeAlias, runtime_checkable

from engine.embedders.embedder import Embedder, Vectors

Run: TypeAlias = Callable[[Callable[[Any], Any], Any], Awaitable[Any]]


@runtime_checkable
class LocalComputation(Protocol):
    """An embedder that needs a processor and nothing else; it has no state that matters."""

    def embed_here(self, texts: Sequence[str]) -> Vectors:
        """The vectors, computed in this thread."""


class Offloaded:
    """`embedder` computed by whatever runs functions on items; it is made anew over there."""

    def __init__(self, embedder: Embedder, run: Run) -> None:
        self._embedder = embedder
        self._run = run

    @property
    def fingerprint(self) -> str:
        return self._embedder.fingerprint

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    async def embed(self, texts: Sequence[str]) -> Vectors:
        vectors: Vectors = await self._run(_embed, (type(self._embedder), texts))
        return vectors


def offloaded(embedder: Embedder, run: Run) -> Embedder:
    """The same embedder, off the event loop if it is one that computes.

    Only the bundled ones: a subclass may keep what the other process would not see.
    """
    bundled = type(embedder).__module__.startswith("engine.embedders.")
    computes = bundled and isinstance(embedder, LocalComputation)
    return Offloaded(embedder, run) if computes else embedder


def _embed(work: tuple[type[LocalComputation], Sequence[str]]) -> Vectors:
    kind, texts = work
    return _made(kind).embed_here(texts)


@cache
def _made(kind: type[LocalComputation]) -> LocalComputation:
    """One for the life of the process: the words it has seen are quick the second time."""
    return kind()
