"""News make as many workers look as find something; and nobody is needed twice."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_bench import KIND, LEASE_SECONDS, Bench
from virtual_clock import SESSION

from engine.jobs import (
    SUCCESS,
    Identity,
    JobState,
    News,
    Pace,
    Reach,
    Running,
    Worker,
    beating_heart,
    store,
)
from engine.jobs.eagerness import MOST_NAMED, MOST_PAUSE_SECONDS, Eagerness
from engine.jobs.sql import query
from engine.report import PassReport

WORKERS = 6
JOBS = 30

NOTHING_DONE = PassReport(
    generation=1,
    realm="",
    revision="",
    files=0,
    chunks=0,
    errors=0,
    skipped=0,
    added=0,
    modified=0,
    touched=0,
    deleted=0,
    chunks_written=0,
    seconds=0.0,
    phases={},
)


def told(state: JobState | None, *jobs: int) -> News:
    return News(state, frozenset(jobs))


def heard(*news: News) -> Eagerness:
    eagerness = Eagerness()
    for each in news:
        eagerness.hear(each)
    return eagerness


PENDING, RUNNING = JobState.PENDING, JobState.RUNNING


@pytest.mark.parametrize(
    ("news", "is_curious"),
    [
        ([told(PENDING, 1)], True),
        ([told(RUNNING, 1)], False),
        ([told(PENDING, 1), told(RUNNING, 1)], False),
        ([told(PENDING, 1, 2), told(RUNNING, 1)], True),
        ([told(PENDING, *range(MOST_NAMED)), told(RUNNING, *range(MOST_NAMED))], True),
        ([told(JobState.SUCCEEDED, 1)], False),
        ([told(JobState.FAILED, 1)], True),
        ([told(JobState.CANCELLED, 1)], True),
        ([told(None)], True),
    ],
    ids=str,
)
def test_who_looks_is_who_may_find_something(news: list[News], is_curious: bool) -> None:
    assert heard(*news).is_curious is is_curious


def test_who_is_alone_or_first_never_waits() -> None:
    eagerness = Eagerness()
    for job in range(100):
        eagerness.hear(told(PENDING, job))
        assert eagerness.pause_seconds(1.0) == 0.0
        eagerness.look()
        eagerness.found([job])
        eagerness.hear(told(RUNNING, job))
        eagerness.hear(told(JobState.SUCCEEDED, job))


@pytest.mark.parametrize("looks", [True, False])
def test_who_is_beaten_waits_longer_each_time_until_a_look_is_of_use(looks: bool) -> None:
    eagerness, pauses = Eagerness(), []
    for job in range(20):
        eagerness.hear(told(PENDING, job))
        if looks:
            eagerness.look()
        eagerness.hear(told(RUNNING, job))
        pauses.append(eagerness.pause_seconds(1.0))
    assert pauses == sorted(pauses)
    assert pauses[0] > 0.0
    assert pauses[-1] == MOST_PAUSE_SECONDS
    eagerness.found([20])
    assert eagerness.pause_seconds(1.0) == 0.0


news = st.builds(
    News,
    st.sampled_from([*JobState, None]),
    st.frozensets(st.integers(1, 5), min_size=1, max_size=3),
)


@given(st.lists(st.one_of(news, st.just("look"))))
def test_what_nobody_has_begun_since_it_was_heard_of_is_looked_for(
    steps: list[News | str],
) -> None:
    """Whatever else is heard: who is not curious knows of no job that waits."""
    eagerness, waiting = Eagerness(), set[int]()
    for step in steps:
        if isinstance(step, str):
            eagerness.look()
            waiting.clear()
        else:
            eagerness.hear(step)
            waiting = waiting | step.job_ids if step.state is PENDING else waiting
            waiting = waiting - step.job_ids if step.state is RUNNING else waiting
        assert eagerness.is_curious or not waiting


@dataclass(slots=True)
class Crew:
    """Workers on one database, each with its own heart."""

    claims: Counter[str] = field(default_factory=Counter)
    begun: list[int] = field(default_factory=list)
    moved: anyio.Event = field(default_factory=anyio.Event)

    @property
    def looks(self) -> int:
        return self.claims[query("claim_jobs")]

    async def until_begun(self, count: int) -> None:
        with anyio.fail_after(20):
            while len(self.begun) < count:
                self.moved = anyio.Event()
                await self.moved.wait()


@asynccontextmanager
async def crew(bench: Bench, *, workers: int) -> AsyncIterator[Crew]:
    """They poll so seldom that what they do is for news."""
    found = Crew()

    async def listen(connection: Any) -> None:
        connection.add_query_logger(lambda logged: found.claims.update([logged.query]))

    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            asyncpg.create_pool(
                bench.dsn, min_size=workers, max_size=workers, init=listen, server_settings=SESSION
            )
        )

        async def perform(running: Running) -> None:
            claim = running.claim
            with anyio.CancelScope(shield=True):
                await store.settle(pool, claim.job_id, claim.token, SUCCESS)
                running.succeeded(NOTHING_DONE)
            found.begun.append(claim.job_id)
            found.moved.set()

        tasks = await stack.enter_async_context(anyio.create_task_group())
        for _ in range(workers):
            ears: list[Any] = []
            ready = anyio.Event()

            def hear(news: News, ears: list[Any] = ears, ready: anyio.Event = ready) -> None:
                ready.set()
                for ear in ears:
                    ear(news)

            heart = await stack.enter_async_context(
                beating_heart(bench.dsn, Identity(), lease_seconds=LEASE_SECONDS, heard=hear)
            )
            await ready.wait()
            pace = Pace(jobs_at_once=2, poll_seconds=600.0)
            worker = Worker(pool, heart, perform, reach=lambda: Reach([KIND]), pace=pace)
            ears.append(worker.hear)
            tasks.start_soon(worker.work)
        yield found
        tasks.cancel_scope.cancel()


async def test_a_job_costs_few_looks_however_many_workers_hear_of_it(bench: Bench) -> None:
    realms = await bench.realms(JOBS)
    async with crew(bench, workers=WORKERS) as found:
        for number, realm in enumerate(realms, 1):
            await bench.enqueue(realm)
            await found.until_begun(number)
    # One that finds it and one at its end; at first, and now and then, somebody comes too late.
    assert found.looks < JOBS * 4 + WORKERS
    assert len(set(found.begun)) == JOBS


async def test_all_workers_come_when_there_is_work_for_all(bench: Bench) -> None:
    """Also those that were too late for one job after another."""
    single, many = await bench.realms(10), await bench.realms(60, prefix="m")
    async with crew(bench, workers=WORKERS) as found:
        for number, realm in enumerate(single, 1):
            await bench.enqueue(realm)
            await found.until_begun(number)
        await bench.enqueue(*many)
        await found.until_begun(70)
    assert len(set(found.begun)) == 70
