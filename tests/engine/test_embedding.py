"""Texts of many callers in full batches, bounded; each text paid for once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import numpy as np
import pytest
from pgvector import HalfVector

from engine.embedders import BadVectors, HashedEmbedder, Vectors
from engine.embedding import EmbeddingTimeout, embedding_queue
from engine.vectors import PaidOnce


@dataclass
class Recording:
    """A hashed embedder that notes its batches, and stalls until it is let go."""

    embedder: HashedEmbedder = field(default_factory=HashedEmbedder)
    batches: list[list[str]] = field(default_factory=list)
    running: int = 0
    peak: int = 0
    gate: anyio.Event | None = None

    fingerprint = "recording"

    @property
    def dimension(self) -> int:
        return self.embedder.dimension

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.batches.append(list(texts))
        self.running += 1
        self.peak = max(self.peak, self.running)
        await anyio.lowlevel.checkpoint()
        if self.gate is not None:
            await self.gate.wait()
        self.running -= 1
        return await self.embedder.embed(texts)


def _queue(embedder: object, **changes: float):  # type: ignore[no-untyped-def]
    settings = {"batch_size": 32, "concurrency": 8, "timeout_seconds": 30} | changes
    return embedding_queue(embedder, **settings)  # type: ignore[arg-type]


async def test_many_small_callers_fill_batches() -> None:
    embedder = Recording()
    async with _queue(embedder) as queue, anyio.create_task_group() as tasks:
        for caller in range(100):
            tasks.start_soon(queue.embed, [f"{caller}-{text}" for text in range(7)])
    assert sum(map(len, embedder.batches)) == 700
    assert len(embedder.batches) == 22  # 700 / 32, rounded up
    assert embedder.peak <= 8


async def test_each_text_gets_its_own_vector() -> None:
    embedder = Recording()
    texts = [f"text {number}" for number in range(50)]
    async with _queue(embedder, batch_size=7) as queue:
        rows = await queue.embed(texts)
    assert np.allclose(rows, await embedder.embedder.embed(texts))


async def test_a_short_rest_is_sent_when_nothing_is_under_way() -> None:
    async with _queue(Recording()) as queue:
        assert len(await queue.embed(["alone"])) == 1


async def test_a_silent_embedder_is_given_up_at_its_deadline() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with _queue(Recording(gate=anyio.Event()), timeout_seconds=0.05) as queue:
            await queue.embed(["a"])
    assert caught.group_contains(EmbeddingTimeout)


class Short(Recording):
    async def embed(self, texts: Sequence[str]) -> Vectors:
        return (await super().embed(texts))[1:]


async def test_a_lying_embedder_ends_the_queue() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with _queue(Short()) as queue:
            await queue.embed(["a", "b"])
    assert caught.group_contains(BadVectors)


async def test_the_same_text_in_many_callers_is_embedded_once() -> None:
    embedder = Recording()
    async with _queue(embedder) as queue:
        vectors = PaidOnce(queue, known=None)
        found: list[dict[bytes, HalfVector]] = []

        async def call() -> None:
            found.append(await vectors.vectors({b"1": "one", b"2": "two"}))

        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(call)
    assert sorted(text for batch in embedder.batches for text in batch) == ["one", "two"]
    assert all(each.keys() == {b"1", b"2"} for each in found)


async def test_what_the_database_knows_is_not_embedded() -> None:
    embedder = Recording()
    known = HalfVector([1.0] * embedder.dimension)

    async def look_up(hashes: Sequence[bytes]) -> dict[bytes, HalfVector]:
        return {key: known for key in hashes if key == b"1"}

    async with _queue(embedder) as queue:
        found = await PaidOnce(queue, look_up).vectors({b"1": "one", b"2": "two"})
    assert embedder.batches == [["two"]]
    assert found[b"1"] is known


async def test_a_cancelled_caller_leaves_its_texts_to_the_next() -> None:
    embedder = Recording(gate=anyio.Event())
    async with _queue(embedder) as queue:
        vectors = PaidOnce(queue, known=None)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(vectors.vectors, {b"1": "one"})
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        assert embedder.gate is not None
        embedder.gate.set()
        assert (await vectors.vectors({b"1": "one"})).keys() == {b"1"}
