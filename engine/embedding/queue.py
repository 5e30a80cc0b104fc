"""The one loop between those who need vectors and an embedder. Knows no file and no database.

`traffic` decides what is sent and when, `requests` who hears of it; here it is done.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import anyio
import anyio.abc
import anyio.lowlevel
import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from engine.embedders import Embedder, checked
from engine.embedding.breaker import Breaker
from engine.embedding.line import Line, Text
from engine.embedding.reaction import EmbeddingTimeout
from engine.embedding.requests import Arrived, Found, Requests
from engine.embedding.traffic import Sent, Supply, Traffic
from engine.errors import first_failure
from engine.jobs.chance import CHANCE
from engine.shortened_vector import ShortenedVector

# Once a batch has failed, those that are under way are waited for so long: they are paid for.
GRACE_SECONDS = 5.0

Keep: TypeAlias = Callable[[Found], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class EmbeddingStatistics:
    """`texts` and `batches` came back, `sent` batches went; `batch_size` and `window` are what
    time-outs and refusals have left of them."""

    texts: int
    batches: int
    sent: int
    peak_in_flight: int
    batch_size: int
    window: int


@asynccontextmanager
async def embedding_queue(
    embedder: Embedder,
    keep: Keep,
    *,
    batch_size: int,
    concurrency: int,
    timeout_seconds: float,
    batch_tokens: int = 20_000,
    pause_seconds: float = 20.0,
    grace_seconds: float = GRACE_SECONDS,
    breaker: Breaker | None = None,
    spread: Callable[[], float] = CHANCE.random,
) -> AsyncIterator["EmbeddingQueue"]:
    """A queue in front of `embedder` for the length of the block.

    At most `concurrency` batches are under way, fewer while the embedder refuses or is too
    slow. A batch is sent when it is full. One that is not goes when no more texts come, or,
    as far as is known, none before the embedder would stand idle (Nagle's rule). What comes
    back is handed to `keep` before anybody else hears of it.

    A batch that times out is halved, and so are those after it. A text that is too long is
    looked for, shortened by halves, and its vector marked. After a refusal nothing is sent
    for as long as the embedder asked for, if that is at most `pause_seconds`. A batch that
    fails is sent again if failing is rare. Any other failure is the end: no batch is sent
    any more, those under way may still arrive for `grace_seconds`, and then all who wait get
    that first failure; `EmbedderOutage` where `breaker` finds one.
    """
    traffic = Traffic(
        Line(batch_size, batch_tokens),
        concurrency=concurrency,
        pause_seconds=pause_seconds,
        breaker=breaker or Breaker(),
        spread=spread,
    )
    async with anyio.create_task_group() as tasks:
        queue = EmbeddingQueue(embedder, keep, traffic, timeout_seconds=timeout_seconds)
        tasks.start_soon(queue._run, tasks, grace_seconds)
        try:
            yield queue
        finally:
            tasks.cancel_scope.cancel()


class EmbeddingQueue:
    """Made by `embedding_queue`."""

    def __init__(
        self, embedder: Embedder, keep: Keep, traffic: Traffic, *, timeout_seconds: float
    ) -> None:
        self._embedder = embedder
        self._keep = keep
        self._traffic = traffic
        self._timeout_seconds = timeout_seconds
        self._requests = Requests()
        self._supply = Supply.BLOCKED
        self._looking_up = 0
        self._moved = anyio.Event()
        self._texts = self._batches = 0

    async def embed(self, texts: Mapping[bytes, str], arrived: Arrived) -> None:
        """Tell `arrived` of the vectors as they come, until there is one for each of `texts`.

        A text that somebody has asked for already is not sent again. Raises what the
        embedder failed of. If this is cancelled the texts stay in line for whoever asks next.
        """
        if not texts:
            return
        now = anyio.current_time()
        with self._requests.opened(texts, arrived) as (request, new):
            for key in new:
                self._traffic.add(key, texts[key], now)
            self._move()
            await request.ended.wait()
        if request.missing and self._traffic.failure is not None:
            raise self._traffic.failure

    def supply(self, supply: Supply) -> None:
        """What is true of texts to come from now on. If nobody says, they are `BLOCKED`."""
        self._supply = supply
        self._know_supply()

    @contextmanager
    def looking_up(self) -> Iterator[None]:
        """In this block it may turn out that more texts are needed."""
        self._looking_up += 1
        try:
            yield
        finally:
            self._looking_up -= 1
            self._know_supply()

    def statistics(self) -> EmbeddingStatistics:
        traffic = self._traffic
        return EmbeddingStatistics(
            self._texts,
            self._batches,
            traffic.sent,
            traffic.peak,
            traffic.line.batch_size,
            traffic.window.size,
        )

    def _know_supply(self) -> None:
        self._traffic.supply = Supply.MORE if self._looking_up else self._supply
        self._move()

    def _move(self) -> None:
        self._moved.set()

    async def _next_move(self, *, within: float | None = None) -> None:
        with anyio.move_on_after(within):
            await self._moved.wait()
        self._moved = anyio.Event()

    async def _run(self, tasks: anyio.abc.TaskGroup, grace_seconds: float) -> None:
        traffic = self._traffic
        while traffic.failure is None:
            # Let every caller that is able to run add its texts before a batch is cut.
            await anyio.lowlevel.checkpoint()
            while sent := traffic.next(anyio.current_time()):
                tasks.start_soon(self._send, sent)
            if traffic.failure is None:
                await self._next_move(within=traffic.until_next(anyio.current_time()))
        with anyio.move_on_after(grace_seconds):
            while not traffic.is_still:
                await self._next_move()
        while True:
            self._requests.end_all()
            await self._next_move()

    async def _send(self, sent: Sent) -> None:
        try:
            found = await self._answer(sent.batch.texts)
        except Exception as error:
            self._traffic.failed(sent, first_failure(error), anyio.current_time())
        else:
            self._traffic.answered(sent)
            await self._take_in(found)
        finally:
            self._traffic.forget(sent)
            self._move()

    async def _answer(self, texts: tuple[Text, ...]) -> Found:
        try:
            with anyio.fail_after(self._timeout_seconds):
                answer = await self._embedder.embed([text.text for text in texts])
        except TimeoutError:
            raise EmbeddingTimeout(
                f"no vectors for a batch of {len(texts)} within {self._timeout_seconds:g} s"
            ) from None
        # All at once: vectors are stored as halves, and each would be one call of numpy's.
        rows = checked(answer, len(texts), self._embedder.dimension).astype(np.float16)
        return {text.key: _vector(text, row) for text, row in zip(texts, rows, strict=True)}

    async def _take_in(self, found: Found) -> None:
        self._move()
        try:
            await self._keep(found)
        except Exception as error:
            self._traffic.fail(first_failure(error))
        else:
            self._texts += len(found)
            self._batches += 1
            self._requests.deliver(found)
        finally:
            self._traffic.kept()


def _vector(text: Text, row: NDArray[np.float16]) -> HalfVector:
    return ShortenedVector(row, chars=len(text.text)) if text.is_shortened else HalfVector(row)
