"""Old code beside new code: each leaves to the other what is the other's."""

import pytest
from job_bench import KIND, LEASE_SECONDS, Bench, TakeOut, VirtualWorker, guards

from engine.jobs import Reach, store
from engine.jobs.sql import query

OLD, NEW = Reach([KIND], recipe="old"), Reach([KIND], recipe="new")


async def made_by(bench: Bench, recipe: str) -> int:
    """A realm whose live index was made by this recipe, and a job for it."""
    realm = await bench.realm(f"by {recipe}")
    await bench.pool.execute("UPDATE realms SET recipe = $2 WHERE id = $1", realm, recipe)
    await bench.enqueue(realm)
    return realm


async def workers(bench: Bench) -> tuple[VirtualWorker, VirtualWorker]:
    old = await bench.worker(recipe="old")
    await bench.clock.advance(1)
    return old, await bench.worker(recipe="new")


async def sees_newer(bench: Bench, worker: VirtualWorker, recipe: str) -> bool:
    arguments = (worker.id, recipe, LEASE_SECONDS)
    return bool(await bench.pool.fetchval(query("exists_newer_worker"), *arguments))


@guards
async def test_old_code_leaves_alone_what_newer_code_makes(
    bench: Bench, take_out: TakeOut, guarded: bool
) -> None:
    if not guarded:
        take_out("claim_jobs", "realms.recipe IN ('', $7)", "$7::text IS NOT NULL")
    old, new = await workers(bench)
    await made_by(bench, "new")
    assert (await bench.claim(old, reach=OLD) == ()) == guarded
    assert bool(await bench.claim(new, reach=NEW)) == guarded


async def test_newer_code_takes_what_old_code_made(bench: Bench) -> None:
    old, new = await workers(bench)
    await made_by(bench, "old")
    assert not await sees_newer(bench, new, "old")
    assert await bench.claim(new, reach=NEW)
    assert not await bench.claim(old, reach=OLD)


async def test_what_nobody_has_made_is_for_all(bench: Bench) -> None:
    old, _ = await workers(bench)
    await bench.enqueue(await bench.realm("fresh"))
    assert await bench.claim(old, reach=OLD)


@pytest.mark.parametrize("gone", ["left", "died", "silent"])
async def test_when_newer_code_is_gone_old_code_goes_on(bench: Bench, gone: str) -> None:
    """As after a deploy that is taken back."""
    old, new = await workers(bench)
    await made_by(bench, "new")
    assert await sees_newer(bench, old, "new")
    if gone == "left":
        await bench.pool.execute(query("delete_worker"), new.id)
    elif gone == "silent":
        await bench.clock.advance(LEASE_SECONDS)
    else:
        # Its death is noticed by the job that it leaves behind.
        await bench.enqueue(await bench.realm("other"))
        (claim,) = await bench.claim(new, reach=Reach([KIND], only=["other"]))
        await new.die()
        await bench.sweep()
        await store.cancel(bench.pool, claim.job_id)
    assert not await sees_newer(bench, old, "new")
    assert [each.realm for each in await bench.claim(old, reach=OLD)] == ["by new"]


async def test_newer_code_that_is_busy_for_long_is_not_gone(bench: Bench) -> None:
    """Its heartbeats renew its leases, and say nothing else."""
    old, new = await workers(bench)
    await made_by(bench, "new")
    await bench.enqueue(await bench.realm("long"))
    (claim,) = await bench.claim(new, reach=Reach([KIND], only=["long"]))
    for _ in range(6):
        await bench.clock.advance(LEASE_SECONDS / 3)
        assert await bench.beat(claim, moved=True)
    assert await sees_newer(bench, old, "new")
    assert not await bench.claim(old, reach=OLD)
    await bench.clock.advance(LEASE_SECONDS)
    assert not await sees_newer(bench, old, "new")
    assert await bench.claim(old, reach=OLD)


async def test_workers_of_one_start_and_of_other_recipes_are_no_newer_ones(bench: Bench) -> None:
    old, new = await workers(bench)
    await made_by(bench, "of neither")
    assert not await sees_newer(bench, old, "of neither")
    assert await bench.claim(old, reach=OLD)
    assert not await sees_newer(bench, new, "new")


async def test_a_source_of_a_kind_that_only_new_code_knows_waits_for_it(bench: Bench) -> None:
    old, new = await workers(bench)
    realm = await bench.realm("later", kind="of tomorrow")
    await bench.enqueue(realm)
    assert not await bench.claim(old, reach=OLD)
    claims = await bench.claim(new, reach=Reach([KIND, "of tomorrow"], recipe="new"))
    assert [each.realm_id for each in claims] == [realm]
