"""The embedder's queue of one pass, with what finds the vectors that were made before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from engine.embedders import Embedder, offloaded
from engine.embedding import Breaker, EmbeddingQueue, OnTheWay, embedding_queue
from engine.executors import Executor
from engine.index.working import Working
from engine.settings import Settings
from engine.vectors import KnownVectors, PaidOnce


@dataclass(frozen=True, slots=True)
class PassEmbedding:
    """`is_paid` says that vectors cost money or time elsewhere, so each is kept as it comes."""

    queue: EmbeddingQueue
    vectors: PaidOnce
    is_paid: bool


@asynccontextmanager
async def pass_embedding(
    embedder: Embedder,
    executor: Executor,
    settings: Settings,
    working: Working,
    *,
    breaker: Breaker,
    on_the_way: OnTheWay,
) -> AsyncIterator[PassEmbedding]:
    """`breaker` and `on_the_way` are shared by all passes of the process."""
    chosen = offloaded(embedder, executor.run)
    is_paid = chosen is embedder
    known = await _known_vectors(working, embedder, paid=is_paid)
    async with embedding_queue(
        chosen,
        known.keep,
        batch_size=settings.embed_batch_size,
        batch_tokens=settings.embed_batch_tokens,
        concurrency=settings.embed_concurrency,
        timeout_seconds=settings.embed_timeout_seconds,
        pause_seconds=settings.embed_pause_seconds,
        breaker=breaker,
    ) as queue:
        vectors = PaidOnce(queue, known, on_the_way if is_paid else None)
        yield PassEmbedding(queue, vectors, is_paid)


async def _known_vectors(working: Working, embedder: Embedder, *, paid: bool) -> KnownVectors:
    """Of an embedder that costs money or time, what comes back is kept at once.

    What is computed here is cheaper to compute again.
    """
    looked_up = paid or await working.knows_any()
    return KnownVectors(
        working.known_vectors if looked_up else None,
        working.keep_vectors if paid else None,
        dimension=embedder.dimension,
    )
