"""Texts of many callers in full batches, bounded; each text paid for once, whatever fails."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import anyio
import anyio.lowlevel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pgvector import HalfVector

from engine.chunk_text import text_hash
from engine.embedders import BadVectors, HashedEmbedder, Vectors
from engine.embedding import EmbeddingQueue, EmbeddingTimeout, Found, embedding_queue
from engine.vectors import MAX_REMEMBERED_NUMBERS, KnownVectors, PaidOnce

PATIENCE_SECONDS = 30.0
"""What a test waits for takes no time; this only turns a standstill into a failure."""


async def _nothing(_: Sequence[str]) -> None:
    pass


@dataclass
class Recording:
    """A hashed embedder that notes its batches; `before` may stall or fail each of them."""

    before: Callable[[Sequence[str]], Awaitable[None]] = _nothing
    embedder: HashedEmbedder = field(default_factory=HashedEmbedder)
    batches: list[list[str]] = field(default_factory=list)

    fingerprint = "recording"

    @property
    def dimension(self) -> int:
        return self.embedder.dimension

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.batches.append(list(texts))
        await anyio.lowlevel.checkpoint()
        await self.before(texts)
        return await self.embedder.embed(texts)


async def _keep_nothing(_: Found) -> None:
    pass


def _queue(embedder: object, keep: Any = _keep_nothing, **changes: float):  # type: ignore[no-untyped-def]
    settings = {"batch_size": 32, "concurrency": 8, "timeout_seconds": 30} | changes
    return embedding_queue(embedder, keep, **settings)  # type: ignore[arg-type]


def _by_hash(texts: Sequence[str]) -> dict[bytes, str]:
    return {text_hash(text): text for text in texts}


def _numbered(count: int) -> list[str]:
    return [f"text {number}" for number in range(count)]


async def _embed(queue: EmbeddingQueue | PaidOnce, texts: Sequence[str]) -> dict[str, HalfVector]:
    """The vectors by text; each was told of once."""
    asked, found = _by_hash(texts), {}

    def arrived(part: Mapping[bytes, HalfVector]) -> None:
        assert not part.keys() & found.keys()
        found.update(part)

    embed = queue.fetch if isinstance(queue, PaidOnce) else queue.embed
    with anyio.fail_after(PATIENCE_SECONDS):
        await embed(asked, arrived)
    assert found.keys() == asked.keys()
    return {text: found[key] for key, text in asked.items()}


async def test_many_small_callers_fill_batches() -> None:
    embedder = Recording()
    async with _queue(embedder) as queue:
        async with anyio.create_task_group() as tasks:
            for caller in range(100):
                tasks.start_soon(_embed, queue, [f"{caller}-{text}" for text in range(7)])
        assert queue.statistics().peak_in_flight <= 8
    assert sum(embedder.sizes) == 700
    assert len(embedder.sizes) == 22  # 700 / 32, rounded up


async def test_each_text_gets_its_own_vector() -> None:
    embedder = Recording()
    texts = _numbered(50)
    async with _queue(embedder, batch_size=7) as queue:
        found = await _embed(queue, texts)
    rows = np.array([found[text].to_numpy() for text in texts], dtype=np.float32)
    assert np.allclose(rows, await embedder.embedder.embed(texts), atol=1e-3)


async def test_a_short_rest_is_sent_when_nothing_is_under_way() -> None:
    async with _queue(Recording()) as queue:
        assert len(await _embed(queue, ["alone"])) == 1


async def test_the_same_text_of_many_callers_is_sent_once_and_reaches_all() -> None:
    embedder = Recording()
    async with _queue(embedder) as queue, anyio.create_task_group() as tasks:
        for caller in range(100):
            tasks.start_soon(_embed, queue, ["one", "two", f"of {caller % 3}"])
    sent = [text for batch in embedder.batches for text in batch]
    assert sorted(sent) == ["of 0", "of 1", "of 2", "one", "two"]


async def test_what_comes_back_is_kept_before_anybody_hears_of_it() -> None:
    log: list[tuple[str, int]] = []

    async def keep(found: Found) -> None:
        await anyio.lowlevel.checkpoint()
        log.append(("kept", len(found)))

    async with _queue(Recording(), keep, batch_size=4, concurrency=1) as queue:
        await queue.embed(_by_hash(_numbered(6)), lambda found: log.append(("arrived", len(found))))
    assert log == [("kept", 4), ("arrived", 4), ("kept", 2), ("arrived", 2)]


def _stall_above(limit: int) -> Callable[[Sequence[str]], Awaitable[None]]:
    async def before(texts: Sequence[str]) -> None:
        if len(texts) > limit:
            await anyio.sleep_forever()

    return before


async def test_a_batch_that_times_out_is_halved_and_so_are_those_after_it() -> None:
    embedder = Recording(_stall_above(8))
    async with _queue(embedder, concurrency=1, timeout_seconds=0.2) as queue:
        await _embed(queue, _numbered(60))
        assert queue.statistics().batch_size == 8
    assert embedder.sizes == [32, 16, *[8] * 7, 4]
    answered = [text for batch in embedder.batches[2:] for text in batch]
    assert answered == _numbered(60), "those of the failed batch go first"


async def test_batches_that_time_out_together_halve_the_size_once() -> None:
    embedder = Recording(_stall_above(16))
    async with _queue(embedder, concurrency=4, timeout_seconds=0.2) as queue:
        await _embed(queue, _numbered(128))
    assert embedder.sizes == [32] * 4 + [16] * 8


def _refuse_above(limit: int) -> Callable[[Sequence[str]], Awaitable[None]]:
    async def before(texts: Sequence[str]) -> None:
        if len(texts) > limit:
            raise TimeoutError

    return before


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 200), st.integers(1, 9))
async def test_whatever_size_times_out_each_text_is_answered_once(
    batch_size: int, limit: int, count: int, concurrency: int
) -> None:
    """An embedder's own time-out counts like ours."""
    embedder, kept = Recording(_refuse_above(limit)), []

    async def keep(found: Found) -> None:
        kept.extend(found)

    async with _queue(embedder, keep, batch_size=batch_size, concurrency=concurrency) as queue:
        await _embed(queue, _numbered(count))
        assert queue.statistics().texts == count
    assert sorted(kept) == sorted(_by_hash(_numbered(count)))
    if concurrency == 1:
        assert embedder.sizes == sorted(embedder.sizes, reverse=True)
        too_large = [size for size in embedder.sizes if size > limit]
        assert all(two == one // 2 for one, two in pairwise(too_large))


async def test_a_single_text_that_times_out_is_the_end() -> None:
    embedder = Recording(_stall_above(0))
    async with _queue(embedder, batch_size=4, concurrency=1, timeout_seconds=0.05) as queue:
        with pytest.raises(EmbeddingTimeout, match=r"a batch of 1 within 0\.05 s"):
            await _embed(queue, _numbered(4))
    assert embedder.sizes == [4, 2, 1]


class Provider(Exception):
    """What a provider says in a test."""


async def test_after_a_failure_nothing_is_sent_and_what_is_under_way_still_arrives() -> None:
    refused, answer = anyio.Event(), anyio.Event()
    kept: list[int] = []
    heard: list[int] = []

    async def keep(found: Found) -> None:
        kept.append(len(found))

    async def before(texts: Sequence[str]) -> None:
        if "text 5" in texts:
            refused.set()
            raise Provider("the first")
        await answer.wait()
        if "text 9" in texts:
            raise Provider("a consequence")

    async def caller() -> None:
        with pytest.raises(Provider, match="the first"):
            await queue.embed(_by_hash(_numbered(100)), lambda found: heard.append(len(found)))

    embedder = Recording(before)
    async with _queue(embedder, keep, batch_size=4, concurrency=3) as queue:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(caller)
            await refused.wait()
            await anyio.wait_all_tasks_blocked()
            answer.set()
        with pytest.raises(Provider, match="the first"):
            await _embed(queue, ["later"])
    assert embedder.sizes == [4, 4, 4]
    assert kept == heard == [4]


async def test_what_is_under_way_after_a_failure_is_not_waited_for_without_end() -> None:
    async def before(texts: Sequence[str]) -> None:
        if "text 0" in texts:
            await anyio.sleep_forever()
        raise Provider("away")

    with anyio.fail_after(PATIENCE_SECONDS):
        async with _queue(Recording(before), batch_size=4, grace_seconds=0.05) as queue:
            with pytest.raises(Provider, match="away"):
                await _embed(queue, _numbered(8))


async def test_the_failure_inside_an_embedders_own_task_group_is_the_one_that_is_raised() -> None:
    async def before(_: Sequence[str]) -> None:
        async with anyio.create_task_group():
            raise Provider("inside")

    async with _queue(Recording(before)) as queue:
        with pytest.raises(Provider, match="inside"):
            await _embed(queue, ["a"])


LIES: dict[str, Callable[[Any], Any]] = {
    "one too few": lambda rows: rows[1:],
    "too short": lambda rows: rows[:, 1:],
    "NaN": lambda rows: np.where(np.arange(len(rows))[:, None] == 1, np.nan, rows),
    "zero": lambda rows: rows * 0,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_of_a_batch_with_an_unusable_vector_nothing_is_kept(lie: Any) -> None:
    kept: list[bytes] = []

    class Liar(Recording):
        async def embed(self, texts: Sequence[str]) -> Vectors:
            rows = await super().embed(texts)
            return rows if "text 0" in texts else lie(rows)  # type: ignore[no-any-return]

    async def keep(found: Found) -> None:
        kept.extend(found)

    async with _queue(Liar(), keep, batch_size=4, concurrency=1) as queue:
        with pytest.raises(BadVectors):
            await _embed(queue, _numbered(12))
    assert sorted(kept) == sorted(_by_hash(_numbered(4)))


async def test_a_vector_that_cannot_be_kept_ends_the_queue() -> None:
    async def keep(_: Found) -> None:
        # Not taken for a batch that was too slow, which would be paid for again.
        raise TimeoutError("the database")

    embedder = Recording()
    async with _queue(embedder, keep, batch_size=4, concurrency=1) as queue:
        with pytest.raises(TimeoutError, match="the database"):
            await _embed(queue, _numbered(8))
    assert embedder.sizes == [4]


async def test_the_texts_of_a_cancelled_caller_are_not_sent_again_for_the_next() -> None:
    gate = anyio.Event()

    async def before(_: Sequence[str]) -> None:
        await gate.wait()

    embedder = Recording(before)
    async with _queue(embedder) as queue:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_embed, queue, ["one"])
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        gate.set()
        await _embed(queue, ["one"])
    assert embedder.batches == [["one"]]


def _known(look_up: Any = None, store: Any = None, *, dimension: int = 256) -> KnownVectors:
    return KnownVectors(look_up, store, dimension=dimension)


VECTOR = HalfVector([1.0] * 256)


async def test_what_the_database_knows_is_not_embedded() -> None:
    embedder = Recording()

    async def look_up(hashes: Sequence[bytes]) -> Found:
        return {key: VECTOR for key in hashes if key == text_hash("one")}

    known = _known(look_up)
    async with _queue(embedder, known.keep) as queue:
        found = await _embed(PaidOnce(queue, known), ["one", "two"])
        await _embed(PaidOnce(queue, known), ["two", "one"])
    assert embedder.batches == [["two"]]
    assert found["one"] is VECTOR


async def test_what_comes_back_while_the_database_is_asked_is_not_sent_again() -> None:
    asked, answer = anyio.Event(), anyio.Event()

    async def look_up(_: Sequence[bytes]) -> Found:
        asked.set()
        await answer.wait()
        return {}

    embedder, known = Recording(), _known(look_up)
    async with _queue(embedder, known.keep) as queue, anyio.create_task_group() as tasks:
        tasks.start_soon(_embed, PaidOnce(queue, known), ["one"])
        await asked.wait()
        await _embed(queue, ["one"])
        answer.set()
    assert embedder.batches == [["one"]]


async def test_what_others_push_out_of_memory_meanwhile_is_found_all_the_same() -> None:
    asked, answer = anyio.Event(), anyio.Event()
    seen: list[Found] = []

    async def look_up(hashes: Sequence[bytes]) -> Found:
        if b"slow" in hashes:
            asked.set()
            await answer.wait()
        return dict.fromkeys(hashes, VECTOR)

    async def find(known: KnownVectors) -> None:
        seen.append(await known.find([b"remembered", b"slow"]))

    known = _known(look_up, dimension=MAX_REMEMBERED_NUMBERS // 2)
    await known.find([b"remembered"])
    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(find, known)
            await asked.wait()
            await known.find([b"other", b"another"])
            answer.set()
    assert seen == [{b"remembered": VECTOR, b"slow": VECTOR}]


async def test_a_batch_that_came_back_is_stored_though_the_pass_is_cancelled() -> None:
    storing, go_on = anyio.Event(), anyio.Event()
    stored: list[int] = []

    async def store(found: Found) -> None:
        storing.set()
        await go_on.wait()
        stored.append(len(found))

    async def run() -> None:
        known = _known(store=store)
        async with _queue(Recording(), known.keep) as queue:
            await _embed(PaidOnce(queue, known), _numbered(3))

    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await storing.wait()
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.wait_all_tasks_blocked()
                go_on.set()
    assert stored == [3]


async def _keep_beside_a_slow_one(stores: list[set[bytes]], fails: int = 0) -> list[str]:
    """Four batches come back while the first is being stored; what became of each of the four.

    `fails` of the statements after the first do."""
    storing, go_on = anyio.Event(), anyio.Event()
    ends: list[str] = []

    async def store(found: Found) -> None:
        stores.append(set(found))
        if len(stores) == 1:
            storing.set()
            await go_on.wait()
        elif len(stores) <= 1 + fails:
            raise ConnectionError("the database went away")

    async def keep(known: KnownVectors, key: bytes) -> None:
        try:
            await known.keep({key: VECTOR})
        except ConnectionError:
            ends.append("failed")
        else:
            ends.append("kept")

    known = _known(store=store)
    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(known.keep, {b"first": VECTOR})
            await storing.wait()
            for key in (b"a", b"b", b"c", b"d"):
                tasks.start_soon(keep, known, key)
            await anyio.wait_all_tasks_blocked()
            go_on.set()
    return ends


async def test_what_comes_back_while_vectors_are_stored_is_stored_together() -> None:
    stores: list[set[bytes]] = []
    assert await _keep_beside_a_slow_one(stores) == ["kept"] * 4
    assert stores == [{b"first"}, {b"a", b"b", b"c", b"d"}]


async def test_a_failure_to_store_together_is_heard_by_one_and_the_next_tries_again() -> None:
    stores: list[set[bytes]] = []
    assert await _keep_beside_a_slow_one(stores, fails=1) == ["failed", "kept", "kept", "kept"]
    assert stores[1:] == [{b"a", b"b", b"c", b"d"}] * 2


async def test_memory_is_bounded_in_numbers_whatever_the_size_of_a_vector() -> None:
    known = _known(dimension=MAX_REMEMBERED_NUMBERS // 3)
    hashes = [bytes([number]) for number in range(5)]
    for key in hashes:
        await known.keep({key: VECTOR})
    assert sorted(await known.find(hashes)) == hashes[2:]
