"""Which realms are compared with their source unasked, how often, and by whom."""

from datetime import timedelta
from uuid import UUID, uuid4

import anyio
import pytest
from job_bench import KIND, LEASE_SECONDS, LIMIT, Bench

from engine.errors import PassFailed
from engine.jobs import Failure, FailureKind, Reach, Reconciler, store
from engine.jobs.reconciler import AT_ONCE
from engine.jobs.state import Failed

INTERVAL = 600.0


class Comparer:
    """A reconciler's view of the sources: which realms are behind, and which were looked at."""

    def __init__(self, *behind: str) -> None:
        self.behind = set(behind)
        self.broken: set[str] = set()
        self.silent: set[str] = set()
        self.looked: list[str] = []
        self.looking = self.most = 0

    async def is_behind(self, name: str) -> bool:
        self.looked.append(name)
        if name in self.silent:
            await self._wait_in_vain()
        if name in self.broken:
            raise PassFailed("no such device")
        return name in self.behind

    async def _wait_in_vain(self) -> None:
        self.looking += 1
        self.most = max(self.most, self.looking)
        try:
            await anyio.sleep_forever()
        finally:
            self.looking -= 1

    def on(
        self,
        bench: Bench,
        *,
        worker: UUID | None = None,
        reach: Reach | None = None,
        interval_seconds: float = INTERVAL,
        look_seconds: float = 60,
    ) -> Reconciler:
        return Reconciler(
            bench.pool,
            worker or uuid4(),
            self.is_behind,
            reach=lambda: reach or Reach([KIND]),
            interval_seconds=interval_seconds,
            lease_seconds=LEASE_SECONDS,
            max_attempts=LIMIT,
            look_seconds=look_seconds,
        )


async def indexed(bench: Bench, *names: str, recipe: str = "") -> list[int]:
    """Realms that have a live index, and nobody has looked at for long enough."""
    realms = [await bench.realm(name) for name in names]
    await bench.pool.execute(
        "UPDATE realms SET generation = 1, recipe = $2, reconciled_at = $3 WHERE id = ANY ($1)",
        realms,
        recipe,
        await bench.clock.now() - timedelta(seconds=INTERVAL + 1),
    )
    return realms


async def in_line(bench: Bench) -> list[str]:
    rows = await bench.pool.fetch("SELECT realm FROM jobs WHERE state = 'pending' ORDER BY realm")
    return [row["realm"] for row in rows]


async def test_only_what_is_behind_is_indexed(bench: Bench) -> None:
    await indexed(bench, "a", "b", "c")
    comparer = Comparer("b")
    assert await comparer.on(bench).reconcile() == 3
    assert sorted(comparer.looked) == ["a", "b", "c"]
    assert await in_line(bench) == ["b"]


async def test_a_realm_is_looked_at_once_in_an_interval(bench: Bench) -> None:
    await indexed(bench, "a")
    comparer = Comparer()
    reconciler = comparer.on(bench)
    assert [await reconciler.reconcile() for _ in range(3)] == [1, 0, 0]
    await bench.clock.advance(INTERVAL)
    assert await reconciler.reconcile() == 0
    await bench.clock.advance(1)
    assert await reconciler.reconcile() == 1


async def test_two_processes_look_at_each_realm_once(bench: Bench) -> None:
    names = [f"r{i:02}" for i in range(40)]
    await indexed(bench, *names)
    one, other = Comparer(*names), Comparer(*names)

    async def look(comparer: Comparer) -> None:
        reconciler = comparer.on(bench)
        while await reconciler.reconcile():
            pass

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look, one)
        tasks.start_soon(look, other)
    assert sorted(one.looked + other.looked) == names
    assert await in_line(bench) == names


async def test_what_is_in_line_paused_or_never_indexed_is_left_alone(bench: Bench) -> None:
    waiting, running, paused = await indexed(bench, "waiting", "running", "paused")
    await bench.realm("never indexed")
    await bench.begun(running)
    await bench.enqueue(waiting)
    await store.set_paused(bench.pool, paused, paused=True)
    await bench.clock.advance(2 * INTERVAL)
    comparer = Comparer()
    assert await comparer.on(bench).reconcile() == 0
    await store.set_paused(bench.pool, paused, paused=False)
    assert await comparer.on(bench).reconcile() == 1
    assert comparer.looked == ["paused"]


async def test_a_realm_that_cannot_be_compared_does_not_stop_the_others(bench: Bench) -> None:
    await indexed(bench, "a", "b", "c")
    comparer = Comparer("a", "b", "c")
    comparer.broken = {"a"}
    await comparer.on(bench).reconcile()
    assert await in_line(bench) == ["b", "c"]


async def test_a_remote_that_does_not_answer_keeps_no_other_waiting(bench: Bench) -> None:
    await indexed(bench, "a", "b", "c", "dead", "e", "f")
    comparer = Comparer("f")
    comparer.silent = {"dead"}
    reconciler = comparer.on(bench, interval_seconds=0.02)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reconciler.reconcile_forever)
        with anyio.fail_after(20):
            while await in_line(bench) != ["f"]:  # noqa: ASYNC110 - a row
                await anyio.sleep(0.01)
            # Its turn comes again like that of the others, and it is looked at once.
            while comparer.looked.count("e") < 3:
                await bench.clock.advance(1)
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert comparer.looked.count("dead") == 1


async def test_a_look_has_an_end_and_then_the_job_says_why(bench: Bench) -> None:
    await indexed(bench, "dead", "fine")
    comparer = Comparer()
    comparer.silent = {"dead"}
    with anyio.fail_after(20):
        await comparer.on(bench, interval_seconds=0.1, look_seconds=0.1).reconcile()
    assert await in_line(bench) == ["dead"]


async def test_a_process_looks_at_a_few_realms_at_once_and_leaves_the_others_to_others(
    bench: Bench,
) -> None:
    names = [f"r{i:02}" for i in range(10)]
    await indexed(bench, *names)
    one, other = Comparer(), Comparer(*names)
    one.silent = set(names)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.on(bench).reconcile_forever)
        with anyio.fail_after(20):
            while len(one.looked) < AT_ONCE:  # noqa: ASYNC110 - a list
                await anyio.sleep(0.01)
            reconciler = other.on(bench)
            while await reconciler.reconcile():
                pass
        tasks.cancel_scope.cancel()
    assert one.most == AT_ONCE
    assert sorted(one.looked + other.looked) == names


async def fail(bench: Bench) -> None:
    (claim,) = await bench.claim()
    assert await bench.settle(claim, Failed(Failure(FailureKind.PERMANENT, "no"))) == "failed"


async def test_a_realm_that_fails_again_and_again_is_parked_for_longer_and_longer(
    bench: Bench,
) -> None:
    (realm,) = await indexed(bench, "r")
    reconciler = Comparer("r").on(bench)
    # It never had an index, and the interval is longer than the first pauses: neither counts.
    overdue = "UPDATE realms SET generation = 0, reconciled_at = '-infinity'"
    await bench.enqueue(realm)
    for failures in range(14):
        await fail(bench)
        await bench.pool.execute(overdue)
        await bench.clock.advance(min(2**failures, 1_440) * 60)
        assert await reconciler.reconcile() == 0
        await bench.clock.advance(1)
        assert await reconciler.reconcile() == 1
        assert await in_line(bench) == ["r"]


async def test_a_success_ends_the_parking(bench: Bench) -> None:
    (realm,) = await indexed(bench, "r")
    for _ in range(5):
        await bench.enqueue(realm)
        await fail(bench)
    claim = await bench.begun(realm)
    done = store.Settlement(store.JobState.SUCCEEDED, "succeeded")
    assert await store.settle(bench.pool, claim.job_id, claim.token, done)
    await bench.clock.advance(INTERVAL + 1)
    assert await Comparer("r").on(bench).reconcile() == 1


@pytest.mark.parametrize(
    ("reach", "looked"),
    [
        (Reach([KIND]), ["a", "b"]),
        (Reach([]), []),
        (Reach([], handed=["a"]), ["a"]),
        (Reach([KIND], only=["b"]), ["b"]),
    ],
)
async def test_what_is_out_of_reach_is_left_to_others(
    bench: Bench, reach: Reach, looked: list[str]
) -> None:
    await indexed(bench, "a", "b")
    comparer = Comparer()
    await comparer.on(bench, reach=reach).reconcile()
    assert sorted(comparer.looked) == looked


async def test_old_code_does_not_undo_what_newer_code_made(bench: Bench) -> None:
    old = await bench.worker(recipe="old")
    await bench.clock.advance(1)
    await bench.worker(recipe="new")
    await indexed(bench, "r", recipe="new")
    comparer = Comparer("r")
    reach = Reach([KIND], recipe="old")
    await comparer.on(bench, worker=old.id, reach=reach).reconcile()
    assert comparer.looked == []
    assert await in_line(bench) == []
    await bench.clock.advance(LEASE_SECONDS + INTERVAL)
    await comparer.on(bench, worker=old.id, reach=reach).reconcile()
    assert await in_line(bench) == ["r"]
