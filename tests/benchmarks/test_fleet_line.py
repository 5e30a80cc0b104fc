"""The line of the simulated fleet is the table of jobs, whatever is asked, claimed and settled."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import virtual_clock
from anyio.from_thread import BlockingPortal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from job_bench import Bench, opened_bench

from benchmarks.fleet_line import JobLine
from engine.index.database import migrate
from engine.jobs import Claim, Failure, FailureKind, JobState, LossReason, Lost
from engine.jobs.state import Failed, Outcome, Released

TENANTS = ("", "", "a", "a", "a", "b", "b")
OUTCOMES: tuple[Outcome, ...] = (
    Released(),
    Lost(LossReason.DEAD),
    Failed(Failure(FailureKind.TRANSIENT, "why")),
    Failed(Failure(FailureKind.THROTTLED, "why")),
    Failed(Failure(FailureKind.THROTTLED, "why", 30.0)),
    Failed(Failure(FailureKind.PERMANENT, "why")),
)


@pytest.fixture(scope="module")
def bench(portal: BlockingPortal, server_dsn: str) -> Iterator[Bench]:
    name = f"fleet_{uuid4().hex}"
    dsn = server_dsn.replace("@/widthwise?", f"@/{name}?")
    portal.call(migrated, server_dsn, dsn, name)
    with portal.wrap_async_context_manager(opened_bench(dsn)) as opened:
        yield opened


async def migrated(server_dsn: str, dsn: str, name: str) -> None:

    connection = await asyncpg.connect(server_dsn)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()
    await migrate(dsn)
    await virtual_clock.install(dsn)


class LineMachine(RuleBasedStateMachine):
    """Does the same to both, and then compares them row by row."""

    def __init__(self, bench: Bench, portal: BlockingPortal) -> None:
        super().__init__()
        self.bench, self.portal = bench, portal
        self.line, self.now = JobLine(), 0.0
        self.claims: dict[int, Claim] = {}
        self.realms: list[int] = []

    @initialize()
    def begin(self) -> None:
        self.portal.call(self._begin)

    async def _begin(self) -> None:
        await self.bench.pool.execute("TRUNCATE realms, jobs RESTART IDENTITY CASCADE")
        await self.bench.clock.set()
        self.began = await self.bench.clock.now()
        for number, tenant in enumerate(TENANTS):
            self.realms.append(await self.bench.realm(f"r{number}", tenant=tenant))

    @rule(
        place=st.integers(0, len(TENANTS) - 1),
        priority=st.sampled_from([0, 0, 0, 1, -2]),
        delay=st.sampled_from([0.0, 0.0, 0.0, 20.0, 90.0]),
    )
    def ask(self, place: int, priority: int, delay: float) -> None:
        self.line.ask(place, TENANTS[place], self.now, priority=priority, delay_seconds=delay)

        async def ask() -> None:
            await self.bench.enqueue(self.realms[place], priority=priority, delay_seconds=delay)

        self.portal.call(ask)

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        async def claim() -> tuple[Claim, ...]:
            return await self.bench.claim(limit=limit)

        found = self.portal.call(claim)
        self.claims.update((claim.job_id, claim) for claim in found)
        ours = self.line.claim(self.now, limit=limit)
        assert {claim.job_id for claim in found} == {self.ids[job.id] for job in ours}

    @rule(which=st.integers(0, 20), outcome=st.sampled_from(OUTCOMES))
    def settle(self, which: int, outcome: Outcome) -> None:
        if not self.claims:
            return
        claim = list(self.claims.values())[which % len(self.claims)]
        del self.claims[claim.job_id]
        (job,) = [each for each in self.line.jobs.values() if self.ids[each.id] == claim.job_id]
        self.line.settle(job, outcome, self.now, spread=0.0)

        async def settle() -> JobState | None:
            return await self.bench.settle(claim, outcome)

        assert self.portal.call(settle) is job.state

    @rule(seconds=st.sampled_from([1, 5, 30, 60, 300]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

        async def advance() -> None:
            await self.bench.clock.advance(seconds)

        self.portal.call(advance)

    @property
    def ids(self) -> dict[int, int]:
        """The database leaves numbers out where a request joins."""
        rows = self.portal.call(self._all_ids)
        return dict(enumerate(rows, 1))

    async def _all_ids(self) -> list[int]:
        return [row["id"] for row in await self.bench.pool.fetch("SELECT id FROM jobs ORDER BY id")]

    @invariant()
    def the_line_is_the_table(self) -> None:
        if self.realms:
            ours = [
                (
                    job.realm,
                    str(job.state),
                    job.rank,
                    job.due,
                    job.priority,
                    job.attempt,
                    job.claims,
                )
                for job in sorted(self.line.jobs.values(), key=lambda job: job.id)
            ]
            assert ours == self.portal.call(self._table)

    async def _table(self) -> list[tuple[Any, ...]]:
        rows = await self.bench.pool.fetch(
            "SELECT * FROM jobs WHERE state IN ('pending', 'running') ORDER BY id"
        )
        return [
            (
                self.realms.index(row["realm_id"]), row["state"], self._seconds(row["rank"]),
                self._seconds(row["due_at"]) , row["priority"], row["attempt"], row["claims"],
            )
            for row in rows
        ]  # fmt: skip

    def _seconds(self, moment: Any) -> float:
        return float((moment - self.began).total_seconds())


def test_the_simulated_line_is_the_table_of_jobs(bench: Bench, portal: BlockingPortal) -> None:
    usual = settings(max_examples=15, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(lambda: LineMachine(bench, portal), settings=usual)
