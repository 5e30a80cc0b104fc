"""Texts of many visits become vectors in full batches. Knows no file and no database."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.abc
import anyio.lowlevel

from engine.embedders import Embedder, Vectors, checked


class EmbeddingTimeout(Exception):
    """The embedder gave no answer within its time."""


@dataclass(slots=True, eq=False)
class _Request:
    """The texts of one caller, and how many of their vectors are still to come."""

    missing: int
    vectors: list[Vectors | None]
    finished: anyio.Event = field(default_factory=anyio.Event)


@dataclass(frozen=True, slots=True)
class EmbeddingStatistics:
    texts: int
    batches: int
    peak_in_flight: int


@asynccontextmanager
async def embedding_queue(
    embedder: Embedder, *, batch_size: int, concurrency: int, timeout_seconds: float
) -> AsyncIterator["EmbeddingQueue"]:
    """A queue in front of `embedder` for the length of the block.

    At most `concurrency` batches are under way. A batch is sent when it is full, or when
    the embedder would otherwise stand idle (Nagle's rule), so that a trickle of texts
    does not wait and a stream of them travels in full batches.
    """
    async with anyio.create_task_group() as tasks:
        queue = EmbeddingQueue(embedder, batch_size, concurrency, timeout_seconds)
        tasks.start_soon(queue._send_all, tasks)
        try:
            yield queue
        finally:
            tasks.cancel_scope.cancel()


class EmbeddingQueue:
    """Made by `embedding_queue`."""

    def __init__(
        self, embedder: Embedder, batch_size: int, concurrency: int, timeout_seconds: float
    ) -> None:
        self._embedder = embedder
        self._batch_size = batch_size
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds
        self._waiting: deque[tuple[str, int, _Request]] = deque()
        self._moved = anyio.Event()
        self._in_flight = self._peak = self._texts = self._batches = 0

    async def embed(self, texts: Sequence[str]) -> list[Vectors]:
        """One checked row for each text. Errors of the embedder end the whole queue."""
        if not texts:
            return []
        request = _Request(len(texts), [None] * len(texts))
        self._waiting.extend((text, place, request) for place, text in enumerate(texts))
        self._move()
        await request.finished.wait()
        return [vector for vector in request.vectors if vector is not None]

    def statistics(self) -> EmbeddingStatistics:
        return EmbeddingStatistics(self._texts, self._batches, self._peak)

    def _move(self) -> None:
        self._moved.set()

    async def _send_all(self, tasks: anyio.abc.TaskGroup) -> None:
        while True:
            # Let every caller that is able to run add its texts before a batch is cut.
            await anyio.lowlevel.checkpoint()
            while self._may_send():
                size = min(self._batch_size, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(size)]
                self._in_flight += 1
                self._peak = max(self._peak, self._in_flight)
                tasks.start_soon(self._send, batch)
            await self._moved.wait()
            self._moved = anyio.Event()

    def _may_send(self) -> bool:
        if not self._waiting or self._in_flight >= self._concurrency:
            return False
        return len(self._waiting) >= self._batch_size or self._in_flight == 0

    async def _send(self, batch: list[tuple[str, int, _Request]]) -> None:
        texts = [text for text, _, _ in batch]
        try:
            with anyio.fail_after(self._timeout_seconds):
                answer = await self._embedder.embed(texts)
        except TimeoutError:
            raise EmbeddingTimeout(
                f"no vectors for {len(texts)} texts within {self._timeout_seconds:g} s"
            ) from None
        vectors = checked(answer, len(texts), self._embedder.dimension)
        self._in_flight -= 1
        self._batches += 1
        self._texts += len(texts)
        for (_, place, request), vector in zip(batch, vectors, strict=True):
            request.vectors[place] = vector
            request.missing -= 1
            if not request.missing:
                request.finished.set()
        self._move()
