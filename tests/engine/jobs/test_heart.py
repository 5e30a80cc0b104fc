"""The heart beats for each claim by its token, and says at once which is lost."""

import anyio
import anyio.lowlevel
from job_bench import LEASE_SECONDS, Bench

from engine.jobs import Identity, JobState, LossReason, Lost, News, beating_heart
from engine.report import Progress

PATIENCE_SECONDS = 30.0
"""What a test waits for takes no time; this only turns a standstill into a failure."""


async def test_of_two_claims_of_one_job_in_one_process_the_stale_one_is_lost_alone(
    bench: Bench,
) -> None:
    (realm_id,) = await bench.realms(1)
    me, news = Identity(), []
    lost = {"old": anyio.Event(), "new": anyio.Event()}
    heard = anyio.Event()

    def hear(told: News) -> None:
        news.append(told)
        heard.set()

    with anyio.fail_after(PATIENCE_SECONDS):
        async with beating_heart(bench.dsn, me, lease_seconds=LEASE_SECONDS, heard=hear) as heart:
            await heard.wait()
            assert heart.is_seen
            await bench.enqueue(realm_id)
            (old,) = await bench.claim(me.id)
            with heart.holding(old, since=heart.clock(), progress=Progress, lost=lost["old"].set):
                assert await bench.settle(old, Lost(LossReason.STALLED)) is JobState.PENDING
                (new,) = await bench.claim(me.id)
                assert (new.job_id, new.attempt) == (old.job_id, 2)
                with heart.holding(
                    new, since=heart.clock(), progress=Progress, lost=lost["new"].set
                ):
                    await lost["old"].wait()
                    before = (await bench.job(new.job_id))["renewals"]
                    while (await bench.job(new.job_id))["renewals"] <= before + 1:
                        await anyio.lowlevel.checkpoint()
                    assert not lost["new"].is_set()
    assert News(JobState.RUNNING, frozenset([old.job_id])) in news
    assert await bench.pool.fetchval("SELECT count(*) FROM workers WHERE id = $1", me.id) == 0


async def test_a_lease_that_is_not_renewed_in_time_by_our_own_clock_is_lost(bench: Bench) -> None:
    (realm_id,) = await bench.realms(1)
    me, lost, heard = Identity(), anyio.Event(), anyio.Event()
    with anyio.fail_after(PATIENCE_SECONDS):
        async with beating_heart(
            bench.dsn, me, lease_seconds=1.0, heard=lambda _: heard.set()
        ) as heart:
            await heard.wait()
            await bench.enqueue(realm_id)
            (claim,) = await bench.claim(me.id)
            locker = await bench.connect()
            async with locker.transaction():
                # Whoever renews it has to wait for this row.
                await locker.execute("SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", claim.job_id)
                began = heart.clock()
                with heart.holding(claim, since=began, progress=Progress, lost=lost.set):
                    await lost.wait()
                    assert heart.clock() - began > 0.8
