"""What is told of a change: once for a statement, and never too long to be sent."""

from collections import Counter
from collections.abc import Awaitable, Callable

import anyio
import pytest
from job_bench import KIND, LIMIT, Bench

from engine.jobs import JobState, LossReason, Lost, News, Reach, store
from engine.jobs.news import CHANNEL
from engine.jobs.state import Settlement

# What Postgres sends in one notification.
MAX_PAYLOAD = 8_000


class Ear:
    """All that was notified, as it came."""

    def __init__(self) -> None:
        self.payloads: list[str] = []

    def __call__(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self.payloads.append(str(payload))


async def heard(bench: Bench, act: Callable[[], Awaitable[object]]) -> list[News]:
    """The news of one act, and of nothing else."""
    session, ear = await bench.connect(), Ear()
    await session.add_listener(CHANNEL, ear)
    await act()
    await bench.pool.execute(f"NOTIFY {CHANNEL}, 'the end'")
    with anyio.fail_after(20):
        while "the end" not in ear.payloads:  # noqa: ASYNC110 - the ear is called by the driver
            await anyio.sleep(0.005)
    await session.remove_listener(CHANNEL, ear)
    assert all(len(payload.encode()) < MAX_PAYLOAD for payload in ear.payloads)
    return [News.of(payload) for payload in ear.payloads[:-1]]


async def test_each_change_of_state_is_told_with_its_jobs(bench: Bench) -> None:
    realms = await bench.realms(3)
    reach, worker = Reach([KIND]), await bench.worker()
    (news,) = await heard(bench, lambda: bench.enqueue(*realms))
    ids = frozenset(await bench.states())
    assert news == News(JobState.PENDING, ids)
    claims = store.claim(bench.pool, worker.id, reach, lease_seconds=60, limit=5)

    async def claim() -> None:
        nonlocal claimed
        claimed = (await claims).claims

    claimed: tuple[store.Claim, ...] = ()
    (news,) = await heard(bench, claim)
    assert news == News(JobState.RUNNING, ids)
    one, two, three = claimed
    (news,) = await heard(bench, lambda: bench.settle(one, Lost(LossReason.DEAD)))
    assert news == News(JobState.PENDING, frozenset({one.job_id}))
    (news,) = await heard(bench, lambda: store.cancel(bench.pool, two.job_id))
    assert news == News(JobState.CANCELLED, frozenset({two.job_id}))
    end = Settlement(JobState.FAILED, "failed", error="no")
    (news,) = await heard(bench, lambda: store.settle(bench.pool, three.job_id, three.token, end))
    assert news == News(JobState.FAILED, frozenset({three.job_id}))
    (news,) = await heard(bench, lambda: store.hurry(bench.pool, one.job_id))
    assert news == News(JobState.PENDING, frozenset({one.job_id}))


async def test_what_changes_nothing_says_nothing(bench: Bench) -> None:
    realm = await bench.realm("r")
    assert await heard(bench, bench.claim) == []
    claim = await bench.begun(realm)
    await bench.enqueue(realm)
    assert await heard(bench, lambda: bench.beat(claim, done=1, moved=True)) == []
    assert await heard(bench, lambda: bench.enqueue(realm)) == []
    await store.cancel(bench.pool, claim.job_id)
    assert await heard(bench, lambda: store.cancel(bench.pool, claim.job_id)) == []
    assert await heard(bench, lambda: bench.settle(claim, Lost(LossReason.DEAD))) == []
    assert await heard(bench, lambda: store.hurry(bench.pool, claim.job_id)) == []


async def test_nothing_is_told_of_what_was_rolled_back(bench: Bench) -> None:
    realm = await bench.realm("r")

    async def take_back() -> None:
        session = await bench.connect()
        transaction = session.transaction()
        await transaction.start()
        await bench.enqueue(realm, database=session)
        await transaction.rollback()

    assert await heard(bench, take_back) == []


async def test_ten_thousand_realms_in_one_request_are_told_of_and_claimed(bench: Bench) -> None:
    realms = await bench.realms(10_000)
    # Ids as they are after years.
    await bench.pool.execute("SELECT setval('jobs_id_seq', 1000000000000000)")
    (news,) = await heard(bench, lambda: bench.enqueue(*realms))
    assert news.state is JobState.PENDING
    assert 0 < len(news.job_ids) < len(realms)
    found: list[int] = []
    while claims := await bench.claim(limit=300):
        found.extend(each.realm_id for each in claims)
    assert Counter(found) == Counter(realms)


async def test_as_many_jobs_as_one_likes_are_claimed_at_once(bench: Bench) -> None:
    await bench.enqueue(*await bench.realms(2_000))
    claimed: list[int] = []

    async def claim() -> None:
        claimed.extend(each.job_id for each in await bench.claim(limit=2_000))

    (news,) = await heard(bench, claim)
    assert len(claimed) == 2_000
    assert news.state in (JobState.RUNNING, None)


@pytest.mark.parametrize("count", [1, LIMIT])
async def test_all_jobs_of_a_realm_are_told_of_in_one(bench: Bench, count: int) -> None:
    realm = await bench.realm("r")
    claim = await bench.begun(realm)
    await bench.enqueue(realm)
    (news,) = await heard(bench, lambda: store.cancel_all(bench.pool, realm))
    assert news.state is JobState.CANCELLED
    assert claim.job_id in news.job_ids
    assert len(news.job_ids) == 2
