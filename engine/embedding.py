"""Texts of many callers become vectors in full batches. Knows no file and no database."""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
import anyio.abc
import anyio.lowlevel
from pgvector import HalfVector

from engine.embedders import Embedder, checked
from engine.errors import WidthwiseError, first_failure

# Once a batch has failed, those that are under way are waited for so long: they are paid for.
GRACE_SECONDS = 5.0

# Texts and vectors are known by the hash of the text.
Found: TypeAlias = dict[bytes, HalfVector]
Arrived: TypeAlias = Callable[[Found], None]
Keep: TypeAlias = Callable[[Found], Awaitable[None]]
Batch: TypeAlias = list[tuple[bytes, str]]


class EmbeddingTimeout(WidthwiseError):
    """The embedder gave no answer within its time."""


@dataclass(frozen=True, slots=True)
class EmbeddingStatistics:
    """What was sent and came back. `batch_size` is what time-outs have left of it."""

    texts: int
    batches: int
    peak_in_flight: int
    batch_size: int


@asynccontextmanager
async def embedding_queue(
    embedder: Embedder,
    keep: Keep,
    *,
    batch_size: int,
    concurrency: int,
    timeout_seconds: float,
    grace_seconds: float = GRACE_SECONDS,
) -> AsyncIterator["EmbeddingQueue"]:
    """A queue in front of `embedder` for the length of the block.

    At most `concurrency` batches are under way. A batch is sent when it is full, or when
    the embedder would otherwise stand idle (Nagle's rule), so that a trickle of texts
    does not wait and a stream of them travels in full batches. What comes back is handed
    to `keep` before anybody else hears of it, and before the next batch takes its place.

    A batch that times out is halved, and so are those after it: it goes to the front of
    the line in parts. Any other failure is the end: no batch is sent any more, those under
    way may still arrive for `grace_seconds`, and then all who wait get that first failure.
    """
    line = _Line(batch_size, concurrency)
    async with anyio.create_task_group() as tasks:
        queue = EmbeddingQueue(embedder, keep, line, timeout_seconds, grace_seconds)
        tasks.start_soon(queue._run, tasks)
        try:
            yield queue
        finally:
            tasks.cancel_scope.cancel()


class EmbeddingQueue:
    """Made by `embedding_queue`."""

    def __init__(
        self,
        embedder: Embedder,
        keep: Keep,
        line: "_Line",
        timeout_seconds: float,
        grace_seconds: float,
    ) -> None:
        self._embedder = embedder
        self._keep = keep
        self._line = line
        self._timeout_seconds = timeout_seconds
        self._grace_seconds = grace_seconds
        self._asked: dict[bytes, list[_Request]] = {}
        self._failure: BaseException | None = None
        self._moved = anyio.Event()
        self._texts = self._batches = 0

    async def embed(self, texts: Mapping[bytes, str], arrived: Arrived) -> None:
        """Tell `arrived` of the vectors as they come, until there is one for each of `texts`.

        A text that somebody has asked for already is not sent again. Raises what the
        embedder failed of. If this is cancelled the texts stay in line for whoever asks next.
        """
        if not texts:
            return
        request = _Request(len(texts), arrived)
        for key, text in texts.items():
            if key not in self._asked:
                self._line.waiting.append((key, text))
            self._asked.setdefault(key, []).append(request)
        self._move()
        try:
            await request.ended.wait()
        finally:
            request.arrived = _nobody
        if request.missing and self._failure is not None:
            raise self._failure

    def statistics(self) -> EmbeddingStatistics:
        line = self._line
        return EmbeddingStatistics(self._texts, self._batches, line.peak, line.batch_size)

    def _move(self) -> None:
        self._moved.set()

    async def _next_move(self) -> None:
        await self._moved.wait()
        self._moved = anyio.Event()

    async def _run(self, tasks: anyio.abc.TaskGroup) -> None:
        while self._failure is None:
            # Let every caller that is able to run add its texts before a batch is cut.
            await anyio.lowlevel.checkpoint()
            while self._failure is None and (batch := self._line.take()):
                tasks.start_soon(self._send, batch)
            await self._next_move()
        with anyio.move_on_after(self._grace_seconds):
            while self._line.in_flight:
                await self._next_move()
        while True:
            self._end_all()
            await self._next_move()

    def _end_all(self) -> None:
        for requests in self._asked.values():
            for request in requests:
                request.ended.set()

    async def _send(self, batch: Batch) -> None:
        try:
            found = await self._answer(batch)
            await self._keep(found)
        except EmbeddingTimeout as error:
            self._give_back(batch, error)
        except Exception as error:
            self._fail(first_failure(error))
        else:
            self._texts += len(batch)
            self._batches += 1
            self._deliver(found)
        self._line.in_flight -= 1
        self._move()

    async def _answer(self, batch: Batch) -> Found:
        try:
            with anyio.fail_after(self._timeout_seconds):
                answer = await self._embedder.embed([text for _, text in batch])
        except TimeoutError:
            raise EmbeddingTimeout(
                f"no vectors for a batch of {len(batch)} within {self._timeout_seconds:g} s"
            ) from None
        vectors = checked(answer, len(batch), self._embedder.dimension)
        return {key: HalfVector(row) for (key, _), row in zip(batch, vectors, strict=True)}

    def _give_back(self, batch: Batch, error: EmbeddingTimeout) -> None:
        if len(batch) == 1:
            self._fail(error)
        else:
            self._line.give_back(batch)

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error

    def _deliver(self, found: Found) -> None:
        parts: defaultdict[_Request, Found] = defaultdict(dict)
        for key, vector in found.items():
            for request in self._asked.pop(key):
                parts[request][key] = vector
        for request, part in parts.items():
            request.take(part)


class _Line:
    """The texts that wait, and how many of them may go at once. Decides, and sends nothing."""

    def __init__(self, batch_size: int, concurrency: int) -> None:
        self.waiting: deque[tuple[bytes, str]] = deque()
        self.batch_size = batch_size
        self.in_flight = self.peak = 0
        self._concurrency = concurrency

    def take(self) -> Batch:
        """The batch to send now, which is in flight from here on; empty if none should be."""
        if not self._may_send():
            return []
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        size = min(self.batch_size, len(self.waiting))
        return [self.waiting.popleft() for _ in range(size)]

    def give_back(self, batch: Batch) -> None:
        """A batch was too large: it is first in line, and no later one is larger than its half."""
        # Batches of the old size that time out beside it halve the size no further.
        self.batch_size = min(self.batch_size, len(batch) // 2)
        self.waiting.extendleft(reversed(batch))

    def _may_send(self) -> bool:
        if not self.waiting or self.in_flight >= self._concurrency:
            return False
        return len(self.waiting) >= self.batch_size or self.in_flight == 0


@dataclass(slots=True, eq=False)
class _Request:
    """What one caller is still to hear of."""

    missing: int
    arrived: Arrived
    ended: anyio.Event = field(default_factory=anyio.Event)

    def take(self, found: Found) -> None:
        self.missing -= len(found)
        self.arrived(found)
        if not self.missing:
            self.ended.set()


def _nobody(_: Found) -> None:
    """Who was cancelled hears of nothing."""
