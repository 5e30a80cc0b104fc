"""What every coalescer promises: one leader per key, and a follower takes over."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
import pytest
import pytest_asyncio

from prewarm import AdvisoryLocks, Coalescer, InProcessCoalescer, PostgresCoalescer

PATIENCE_SECONDS = 30.0

Rivals = tuple[Coalescer, Coalescer]


@pytest_asyncio.fixture(params=["in process", "two connections", "one connection"])
async def rivals(request: pytest.FixtureRequest) -> AsyncIterator[Rivals]:
    """Two that compete; those in Postgres do not poll, so a lost wake-up is a standstill."""
    if request.param == "in process":
        coalescer = InProcessCoalescer()
        yield coalescer, coalescer
        return
    dsn = request.getfixturevalue("dsn")
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(AdvisoryLocks(dsn))
        theirs = ours
        if request.param == "two connections":
            theirs = await stack.enter_async_context(AdvisoryLocks(dsn))
        yield (
            PostgresCoalescer(ours, "realm", poll_seconds=3600, max_poll_seconds=3600),
            PostgresCoalescer(theirs, "realm", poll_seconds=3600, max_poll_seconds=3600),
        )


async def test_a_key_is_led_once_and_others_are_free(rivals: Rivals) -> None:
    one, other = rivals
    assert await one.try_lead(["a", "b"]) == {"a", "b"}
    assert await other.try_lead(["b", "c"]) == {"c"}
    assert await one.try_lead(["a", "c"]) == set()
    await one.release(["a", "b"])
    assert await other.try_lead(["a", "b"]) == {"a", "b"}


async def test_a_follower_leads_after_the_release(rivals: Rivals) -> None:
    one, other = rivals
    led: list[str] = []

    async def follow(coalescer: Coalescer, name: str) -> None:
        await coalescer.lead("a")
        led.append(name)
        await coalescer.release(["a"])

    await one.lead("a")
    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(follow, (one, other)[number % 2], str(number))
            await anyio.wait_all_tasks_blocked()
            assert led == []
            await one.release(["a"])
    assert sorted(led) == list("01234")


async def test_a_follower_that_is_cancelled_leads_nothing(rivals: Rivals) -> None:
    one, other = rivals
    await one.lead("a")
    async with anyio.create_task_group() as group:
        group.start_soon(other.lead, "a")
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    await one.release(["a"])
    assert await one.try_lead(["a"]) == {"a"}


async def test_a_release_goes_through_when_its_caller_is_cancelled(rivals: Rivals) -> None:
    one, other = rivals
    await one.lead("a")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await one.release(["a"])
    assert await other.try_lead(["a"]) == {"a"}


async def test_releasing_what_is_not_led_takes_it_from_nobody(rivals: Rivals) -> None:
    one, other = rivals
    if one is other:
        pytest.skip("they lead as one")
    await one.lead("a")
    await other.release(["b"])
    assert await other.try_lead(["a"]) == set()
