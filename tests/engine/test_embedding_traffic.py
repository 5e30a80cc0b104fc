"""Whatever a provider does, each text gets one vector, once, or all hear why not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import anyio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moody_provider import FAULTS, MoodyProvider, Slip, vector_of
from pgvector import HalfVector
from virtual_time import in_virtual_time

from engine.chunk_text import text_hash
from engine.embedding import (
    Breaker,
    EmbedderOutage,
    EmbeddingTimeout,
    Found,
    OnTheWay,
    Supply,
    embedding_queue,
)
from engine.errors import PermanentFailure, Throttled, first_failure
from engine.shortened_vector import ShortenedVector
from engine.vectors import KnownVectors, PaidOnce

TIMEOUT_SECONDS = 10.0


@dataclass
class Asking:
    """Callers of one queue: each asks for its texts at its time. Who gets what is noted."""

    provider: MoodyProvider
    callers: Sequence[tuple[float, Sequence[str]]]
    batch_size: int = 4
    concurrency: int = 3
    breaker: Breaker | None = None
    pause_seconds: float = 20.0
    found: list[dict[bytes, HalfVector]] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    ended_at: float = 0.0

    @property
    def texts(self) -> dict[bytes, str]:
        return {text_hash(text): text for _, texts in self.callers for text in texts}

    async def run(self) -> None:
        known = KnownVectors(None, self._keep, dimension=self.provider.dimension)
        async with embedding_queue(
            self.provider,
            known.keep,
            batch_size=self.batch_size,
            concurrency=self.concurrency,
            timeout_seconds=TIMEOUT_SECONDS,
            pause_seconds=self.pause_seconds,
            breaker=self.breaker or Breaker(clock=anyio.current_time, spread=_half),
            spread=_half,
        ) as queue:
            vectors = PaidOnce(queue, known, OnTheWay())
            vectors.supply(Supply.MORE)
            async with anyio.create_task_group() as tasks:
                for after, texts in self.callers:
                    tasks.start_soon(self._ask, vectors, after, texts)
                await anyio.sleep(max(after for after, _ in self.callers))
                await anyio.lowlevel.checkpoint()
                vectors.supply(Supply.ENDED)
        self.ended_at = anyio.current_time()

    async def _ask(self, vectors: PaidOnce, after: float, texts: Sequence[str]) -> None:
        found: Found = {}

        def arrived(part: Mapping[bytes, HalfVector]) -> None:
            assert not part.keys() & found.keys()
            assert part.keys() <= set(self.kept)
            found.update(part)

        await anyio.sleep(after)
        try:
            await vectors.fetch({text_hash(text): text for text in texts}, arrived)
        except Exception as error:
            self.errors.append(first_failure(error))
        else:
            assert found.keys() == {text_hash(text) for text in texts}
        self.found.append(found)

    async def _keep(self, found: Found) -> None:
        assert not found.keys() & set(self.kept), "a text came back twice"
        self.kept.extend(found)

    def assert_each_vector_is_that_of_its_text(self) -> None:
        texts = self.texts
        for key, vector in (item for found in self.found for item in found.items()):
            of = texts[key]
            if isinstance(vector, ShortenedVector):
                of = of[: vector.chars]
                assert vector.chars <= self.provider.max_chars
            expected = vector_of(of)
            expected = expected / np.linalg.norm(expected)
            assert np.allclose(vector.to_numpy(), expected, atol=1e-2)


def _half() -> float:
    return 0.5


def _numbered(count: int) -> list[str]:
    return [f"text {number}" for number in range(count)]


def _asked(provider: MoodyProvider, count: int = 40, **changes: Any) -> Asking:
    asking = Asking(provider, [(0.0, _numbered(count))], **changes)
    in_virtual_time(asking.run)
    return asking


LONG = "a text that is much too long for it, " * 4
TEXTS = st.lists(
    st.one_of(
        st.integers(0, 60).map("text {}".format),
        st.integers(0, 5).map(f"{{}} {LONG}".format),
    ),
    min_size=1,
    max_size=12,
    unique=True,
)


@settings(deadline=None, max_examples=100)
@given(
    callers=st.lists(st.tuples(st.floats(0, 5), TEXTS), min_size=1, max_size=8),
    provider=st.builds(
        MoodyProvider,
        seconds=st.lists(st.floats(0.001, 3), min_size=1, max_size=5),
        faults=st.dictionaries(st.integers(1, 30), st.sampled_from(FAULTS), max_size=5),
        stands=st.integers(1, 6),
        max_chars=st.sampled_from([40, 1_000_000]),
    ),
    batch_size=st.integers(1, 7),
    concurrency=st.integers(1, 6),
)
def test_each_text_gets_one_vector_or_all_hear_the_first_reason(
    callers: list[tuple[float, list[str]]],
    provider: MoodyProvider,
    batch_size: int,
    concurrency: int,
) -> None:
    asking = Asking(provider, callers, batch_size=batch_size, concurrency=concurrency)
    in_virtual_time(asking.run)
    assert len(asking.found) == len(callers)
    assert provider.peak <= concurrency
    assert provider.sent_again == []
    assert max(provider.sizes) <= batch_size
    asking.assert_each_vector_is_that_of_its_text()
    assert len(set(map(id, asking.errors))) <= 1
    for error in asking.errors:
        assert error in provider.raised or isinstance(error, EmbedderOutage | EmbeddingTimeout)
    refusals = [error for error in provider.raised if isinstance(error, PermanentFailure)]
    if asking.errors and isinstance(asking.errors[0], PermanentFailure):
        assert asking.errors[0] is refusals[0]
    if not asking.errors:
        assert set(asking.kept) == asking.texts.keys()


@settings(deadline=None, max_examples=50)
@given(
    callers=st.lists(st.tuples(st.floats(0, 1.5), st.integers(1, 30)), min_size=1, max_size=12),
    seconds=st.lists(st.floats(0.001, 3), min_size=1, max_size=5),
    batch_size=st.integers(1, 9),
    concurrency=st.integers(1, 6),
)
def test_no_batch_is_less_than_full_but_the_last(
    callers: list[tuple[float, int]], seconds: list[float], batch_size: int, concurrency: int
) -> None:
    asked = [
        (after, [f"{place} {number}" for number in range(count)])
        for place, (after, count) in enumerate(callers)
    ]
    provider = MoodyProvider(seconds=seconds)
    in_virtual_time(Asking(provider, asked, batch_size, concurrency).run)
    *others, last = provider.sizes
    assert set(others) <= {batch_size}
    assert last == (sum(provider.sizes) - 1) % batch_size + 1
    assert sum(provider.sizes) == sum(count for _, count in callers)


def test_what_comes_slower_than_the_provider_is_still_sent_in_full_batches() -> None:
    asked = [(at * 0.02, [f"{at} {number}" for number in range(7)]) for at in range(400)]
    provider = MoodyProvider()
    asking = Asking(provider, asked, batch_size=32, concurrency=8)
    in_virtual_time(asking.run)
    assert len(provider.calls) == 88, "by Nagle's rule alone there are 400"
    assert asking.ended_at == pytest.approx(8.0)


def test_a_trickle_does_not_wait_for_ever() -> None:
    provider = MoodyProvider()
    asking = Asking(provider, [(0.0, ["one"]), (60.0, ["two"])])
    in_virtual_time(asking.run)
    assert provider.sizes == [1, 1]
    assert provider.begun_at[0] < 5


def test_a_batch_holds_no_more_than_its_tokens() -> None:
    async def run() -> None:
        async with embedding_queue(
            provider, _keep_nothing, batch_size=32, batch_tokens=100, concurrency=1,
            timeout_seconds=10,
        ) as queue:  # fmt: skip
            texts = [*("x" * 90 + str(number) for number in range(6)), "y" * 1_000, "z"]
            await queue.embed({text_hash(text): text for text in texts}, lambda _: None)

    provider = MoodyProvider()
    in_virtual_time(run)
    assert provider.sizes == [3, 3, 1, 1], "about three bytes a token; a longer text goes alone"


async def _keep_nothing(_: Found) -> None:
    pass


def test_the_texts_of_who_asked_first_are_sent_first() -> None:
    provider = MoodyProvider(faults={12: "error"})
    _asked(provider, 80, batch_size=4, concurrency=1)
    sent = [text for call in provider.calls if call != provider.calls[11] for text in call]
    retried = list(provider.calls[11])
    assert [text for text in sent if text not in retried] == [
        text for text in _numbered(80) if text not in retried
    ]


def test_what_the_provider_stands_is_found_and_nearly_kept_to() -> None:
    provider = MoodyProvider(stands=4)
    asking = _asked(provider, 4_000, concurrency=8)
    assert not asking.errors
    refused = len(provider.calls) - 1_000
    assert refused < 150
    assert asking.ended_at < 1.5 * 1_000 / 4 * 0.02


def test_all_places_are_taken_while_nothing_is_refused() -> None:
    provider = MoodyProvider()
    asking = _asked(provider, 4_000, concurrency=8)
    assert provider.peak == 8
    assert asking.ended_at == pytest.approx(1_000 / 8 * 0.02)


def test_what_a_provider_comes_to_stand_is_made_use_of() -> None:
    class Recovering(MoodyProvider):
        async def _misbehave(self, number: int, texts: Sequence[str]) -> None:
            self.stands = 2 if number < 100 else 100
            self.peak = self.peak if number > 100 else 0
            await super()._misbehave(number, texts)

    provider = Recovering()
    asking = _asked(provider, 4_000, concurrency=8)
    assert not asking.errors
    assert provider.peak == 8


def test_of_two_failures_the_first_is_the_reason() -> None:
    provider = MoodyProvider(faults={1: "refuse", 2: "refuse"}, seconds=(0.2, 0.1))
    asking = _asked(provider)
    assert len(provider.raised) == 2
    assert asking.errors == provider.raised[:1]


def test_a_pause_that_was_asked_for_is_kept() -> None:
    provider = MoodyProvider(faults={5: "throttle"})
    asking = _asked(provider, concurrency=3)
    assert not asking.errors
    ended = provider.begun_at[4] + 0.02
    assert not [at for at in provider.begun_at if ended < at < ended + 1.5]


def test_a_pause_that_is_too_long_ends_the_pass_and_says_how_long() -> None:
    asking = _asked(MoodyProvider(faults={5: "throttle for long"}))
    (error,) = asking.errors
    assert isinstance(error, Throttled)
    assert error.retry_after_seconds == 100


def test_a_provider_that_only_ever_refuses_is_left_after_the_time_that_a_pass_may_wait() -> None:
    asking = _asked(MoodyProvider(stands=0))
    assert isinstance(asking.errors[0], Throttled)
    assert 5 < asking.ended_at <= 20


def test_a_call_in_a_hundred_that_fails_is_tried_again_after_a_growing_pause() -> None:
    provider = MoodyProvider(faults={30: "error", 130: "error", 230: "error"})
    asking = _asked(provider, 1_200)
    assert not asking.errors
    assert len(provider.calls) == 303


def test_a_failure_before_anything_is_known_of_the_provider_ends_the_pass() -> None:
    """A job that waits is better than a pass that insists on a key that is wrong."""
    asking = _asked(MoodyProvider(faults={2: "error"}), concurrency=1)
    assert isinstance(asking.errors[0], Slip)
    assert len(asking.provider.calls) == 2


def test_a_batch_that_fails_each_time_ends_the_pass_with_its_own_failure() -> None:
    class Poisoned(MoodyProvider):
        async def _misbehave(self, number: int, texts: Sequence[str]) -> None:
            await super()._misbehave(number, texts)
            if "text 1000" in texts:
                raise Slip("poison")

    provider = Poisoned()
    asking = _asked(provider, 4_000)
    assert isinstance(asking.errors[0], Slip)
    tried = [at for at, call in zip(provider.begun_at, provider.calls, strict=True)
             if "text 1000" in call]  # fmt: skip
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert len(tried) == 4
    assert pauses == sorted(pauses)
    assert pauses[0] >= 0.02 + 0.1


def test_an_outage_in_the_middle_is_told_from_a_slip() -> None:
    provider = MoodyProvider(faults=dict.fromkeys(range(50, 1_000), "error"))
    asking = _asked(provider, 1_200)
    (error,) = asking.errors
    assert isinstance(error, EmbedderOutage)
    assert error.retry_after_seconds == pytest.approx(5 * 1.25)
    assert "Slip" in str(error)
    assert len(provider.calls) < 70


def _breaker(clock: Callable[[], float]) -> Breaker:
    return Breaker(base_seconds=5, clock=clock, spread=lambda: 0.0)


def test_calls_that_were_under_way_together_and_fail_are_one_failure() -> None:
    breaker = _breaker(lambda: 0.0)
    for _ in range(2):
        for number in [breaker.send() for _ in range(8)]:
            breaker.failed(number)
    assert not breaker.is_open
    breaker.failed(breaker.send())
    assert breaker.is_open


def test_an_answer_between_failures_begins_the_count_anew() -> None:
    breaker = _breaker(lambda: 0.0)
    for _ in range(5):
        breaker.failed(breaker.send())
        breaker.failed(breaker.send())
        breaker.answered(breaker.send())
    assert not breaker.is_open


def test_one_call_tries_whether_the_outage_is_over_and_the_others_wait_for_it() -> None:
    now = 0.0
    breaker = _breaker(lambda: now)
    for _ in range(3):
        breaker.failed(breaker.send())
    assert breaker.closed_in() == 5
    now = 5.0
    assert breaker.closed_in() == 0
    probe = breaker.send()
    assert breaker.closed_in() > 0, "one at a time"
    breaker.failed(probe)
    assert breaker.closed_in() == 10, "twice as long"
    now = 15.0
    breaker.forget(breaker.send())
    assert breaker.closed_in() == 0, "a call that nobody waits for says nothing"
    breaker.answered(breaker.send())
    assert not breaker.is_open


def test_another_pass_asks_nothing_while_the_breaker_is_open() -> None:
    async def run() -> None:
        breaker = Breaker(clock=anyio.current_time, spread=_half)
        first = Asking(MoodyProvider(faults=dict.fromkeys(range(50, 99), "error")),
                       [(0.0, _numbered(1_000))], breaker=breaker)  # fmt: skip
        await first.run()
        await second.run_with(breaker)
        assert second.provider.calls == []
        assert isinstance(second.errors[0], EmbedderOutage)
        await anyio.sleep(10)
        third = Asking(MoodyProvider(), [(0.0, _numbered(40))], breaker=breaker)
        await third.run()
        assert not third.errors

    class Second(Asking):
        async def run_with(self, breaker: Breaker) -> None:
            self.breaker = breaker
            await self.run()

    second = Second(MoodyProvider(), [(0.0, _numbered(40))])
    in_virtual_time(run)


def test_a_call_that_tries_whether_the_outage_is_over_and_is_cancelled_holds_up_nobody() -> None:
    async def run() -> None:
        breaker = Breaker(clock=anyio.current_time, spread=_half)
        for _ in range(3):
            breaker.failed(breaker.send())
        await anyio.sleep(10)
        with anyio.move_on_after(1):
            hanging = MoodyProvider(faults={1: "hang"})
            await Asking(hanging, [(0.0, ["one"])], breaker=breaker).run()
        assert breaker.closed_in() == 0

    in_virtual_time(run)


def test_a_pass_hears_of_a_text_of_another_one_as_soon_as_it_is_kept() -> None:
    stored: Found = {}
    on_the_way = OnTheWay()

    async def look_up(hashes: Sequence[bytes]) -> Found:
        return {key: stored[key] for key in hashes if key in stored}

    async def store(found: Found) -> None:
        stored.update(found)

    async def fetch(provider: MoodyProvider, texts: Sequence[str], heard: list[Found]) -> None:
        known = KnownVectors(look_up, store, dimension=8)
        async with embedding_queue(
            provider, known.keep, batch_size=4, concurrency=1, timeout_seconds=60
        ) as queue:
            asked = {text_hash(text): text for text in texts}
            await PaidOnce(queue, known, on_the_way).fetch(asked, heard.append)

    async def run() -> None:
        hanging, idle = MoodyProvider(faults={2: "hang"}), MoodyProvider()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fetch, hanging, _numbered(8), [])
            await anyio.sleep(0.001)
            heard: list[Found] = []
            await fetch(idle, ["text 1"], heard)
            assert anyio.current_time() < 1
            assert [*heard[0]] == [text_hash("text 1")]
            assert idle.calls == []
            tasks.cancel_scope.cancel()
        assert len(on_the_way) == 0, "a pass that ends holds no claim"

    in_virtual_time(run)


def test_a_text_that_is_too_long_is_found_shortened_and_marked_and_no_other() -> None:
    texts = [*_numbered(13), LONG, *_numbered(40)[13:]]
    provider = MoodyProvider(max_chars=40)
    asking = Asking(provider, [(0.0, texts)], batch_size=8)
    in_virtual_time(asking.run)
    assert not asking.errors
    found = asking.found[0]
    marked = [key for key, vector in found.items() if isinstance(vector, ShortenedVector)]
    assert marked == [text_hash(LONG)]
    assert found[marked[0]].chars == len(LONG) // 4
    asking.assert_each_vector_is_that_of_its_text()
    assert len(provider.calls) <= 6 + 2 * 3 + 2


def test_a_text_that_stays_too_long_ends_the_pass() -> None:
    asking = Asking(MoodyProvider(max_chars=3), [(0.0, [LONG])])
    in_virtual_time(asking.run)
    assert "more than 3 characters" in str(asking.errors[0])
    assert len(asking.provider.calls) < 8
