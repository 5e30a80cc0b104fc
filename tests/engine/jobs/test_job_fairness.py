"""Who is served first: by the time of the request, by priority, and each tenant in turn."""

import pytest
from job_bench import Bench

from engine.jobs import Failure, FailureKind, store
from engine.jobs.state import Failed, Released


async def order(bench: Bench, *, limit: int = 1_000) -> list[str]:
    """The realms whose jobs are begun, in turn, by a worker that takes one after another."""
    served: list[str] = []
    while len(served) < limit and (claims := await bench.claim()):
        (claim,) = claims
        served.append(claim.realm)
        await store.cancel(bench.pool, claim.job_id)
    return served


async def test_the_first_request_is_served_first(bench: Bench) -> None:
    realms = await bench.realms(5)
    for realm in realms[::-1]:
        await bench.enqueue(realm)
        await bench.clock.advance(1)
    assert await order(bench) == ["r000005", "r000004", "r000003", "r000002", "r000001"]


async def test_a_tenant_that_asks_for_much_does_not_hold_up_one_that_asks_for_little(
    bench: Bench,
) -> None:
    await bench.enqueue(*await bench.realms(100, tenant="a", prefix="a"))
    await bench.clock.advance(5)
    await bench.enqueue(*await bench.realms(1, tenant="b", prefix="b"))
    assert "b000001" in await order(bench, limit=2)


async def test_tenants_are_served_in_turn(bench: Bench) -> None:
    for tenant in "abc":
        await bench.enqueue(*await bench.realms(10, tenant=tenant, prefix=tenant))
        await bench.clock.advance(1)
    served = [name[0] for name in await order(bench)]
    assert served == ["a", "b", "c"] * 10


async def test_one_request_after_another_is_as_fair_as_one_for_all(bench: Bench) -> None:
    for realm in await bench.realms(20, tenant="a", prefix="a"):
        await bench.enqueue(realm)
    await bench.enqueue(*await bench.realms(1, tenant="b", prefix="b"))
    assert "b000001" in await order(bench, limit=2)


async def test_realms_without_a_tenant_are_no_tenant(bench: Bench) -> None:
    """A hundred of them before are not in the way of the next ones, nor behind a tenant's."""
    many = await bench.realms(100)
    await bench.enqueue(*many)
    ranks = await bench.pool.fetchval("SELECT count(DISTINCT rank) FROM jobs")
    assert ranks == 1
    await bench.clock.advance(1)
    await bench.enqueue(*await bench.realms(3, tenant="a", prefix="a"))
    await bench.clock.advance(1)
    await bench.enqueue(await bench.realm("late"))
    served = await order(bench)
    assert served[100:] == ["a000001", "late", "a000002", "a000003"]


async def test_a_high_priority_goes_first(bench: Bench) -> None:
    low, usual, high = [await bench.realm(name) for name in ("low", "usual", "high")]
    await bench.enqueue(low, priority=-10)
    await bench.enqueue(usual)
    await bench.enqueue(high, priority=10)
    assert await order(bench) == ["high", "usual", "low"]


@pytest.mark.parametrize(("waited", "first"), [(9 * 60, "new"), (11 * 60, "old")])
async def test_who_has_waited_long_enough_goes_before_a_newer_priority(
    bench: Bench, waited: float, first: str
) -> None:
    """Each point is a minute, so nobody waits for ever."""
    old, new = await bench.realm("old"), await bench.realm("new")
    await bench.enqueue(old)
    await bench.clock.advance(waited)
    await bench.enqueue(new, priority=10)
    assert (await order(bench))[0] == first


async def test_a_joined_request_brings_its_priority_along(bench: Bench) -> None:
    one, other = await bench.realm("one"), await bench.realm("other")
    await bench.enqueue(one)
    await bench.clock.advance(1)
    await bench.enqueue(other)
    await bench.enqueue(other, priority=1)
    assert await order(bench) == ["other", "one"]


async def test_what_a_tenant_put_off_holds_up_nothing_that_it_wants_now(bench: Bench) -> None:
    later, now = [await bench.realm(name, tenant="a") for name in ("later", "now")]
    await bench.enqueue(later, delay_seconds=86_400)
    await bench.enqueue(now)
    await bench.clock.advance(120)
    await bench.enqueue(await bench.realm("other", tenant="b"))
    assert await order(bench) == ["now", "other"]


async def test_what_a_tenant_wants_less_holds_up_nothing_that_it_wants(bench: Bench) -> None:
    whenever, now = [await bench.realm(name, tenant="a") for name in ("whenever", "now")]
    await bench.enqueue(whenever, priority=-60)
    await bench.enqueue(now)
    await bench.clock.advance(120)
    await bench.enqueue(await bench.realm("other", tenant="b"))
    assert await order(bench) == ["now", "other", "whenever"]


async def test_what_a_tenant_wants_most_is_not_behind_all_else_it_asked_for(bench: Bench) -> None:
    await bench.enqueue(*await bench.realms(100, tenant="a", prefix="a"))
    await bench.enqueue(await bench.realm("urgent", tenant="a"), priority=10)
    assert (await order(bench, limit=1)) == ["urgent"]


@pytest.mark.parametrize("delay_seconds", [0.0, 30.0])
@pytest.mark.parametrize("priority", [-5, 0, 5])
async def test_no_way_of_asking_is_a_way_around_the_turns(
    bench: Bench, priority: int, delay_seconds: float
) -> None:
    options = {"priority": priority, "delay_seconds": delay_seconds}
    for realm in await bench.realms(10, tenant="a", prefix="a"):
        await bench.enqueue(realm, **options)
    await bench.enqueue(*await bench.realms(10, tenant="b", prefix="b"), **options)
    await bench.clock.advance(delay_seconds)
    served = [name[0] for name in await order(bench)]
    assert served == ["a", "b"] * 10


@pytest.mark.parametrize("how", ["join", "hurry"])
async def test_what_was_put_off_and_is_wanted_now_after_all_is_in_line_at_once(
    bench: Bench, how: str
) -> None:
    realm = await bench.realm("r")
    (job_id,) = await bench.enqueue(realm, delay_seconds=86_400)
    await (bench.enqueue(realm) if how == "join" else store.hurry(bench.pool, job_id))
    await bench.clock.advance(1)
    await bench.enqueue(await bench.realm("later"))
    assert await order(bench) == ["r", "later"]


async def test_a_job_in_a_pause_is_in_nobodys_way(bench: Bench) -> None:
    paused, other = await bench.realm("paused"), await bench.realm("other")
    claim = await bench.begun(paused)
    await bench.enqueue(paused)
    await bench.settle(claim, Failed(Failure(FailureKind.THROTTLED, "later", 600.0)))
    await bench.enqueue(other)
    assert [each.realm for each in await bench.claim(limit=5)] == ["other"]


async def test_follow_ups_that_wait_for_their_realm_are_in_nobodys_way(bench: Bench) -> None:
    busy = await bench.realms(50)
    await bench.enqueue(*busy)
    await bench.claim(limit=50)
    await bench.enqueue(*busy)
    await bench.clock.advance(60)
    await bench.enqueue(await bench.realm("other"))
    assert [each.realm for each in await bench.claim(limit=1)] == ["other"]


async def test_who_gives_a_job_back_does_not_send_it_to_the_end_of_the_line(bench: Bench) -> None:
    claim = await bench.begun(await bench.realm("first"))
    await bench.clock.advance(60)
    await bench.enqueue(await bench.realm("second"))
    await bench.settle(claim, Released())
    assert await order(bench) == ["first", "second"]
