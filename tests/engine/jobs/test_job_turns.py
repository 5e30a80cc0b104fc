"""The statements keep the rules that `turns` states, on tables that nobody thought of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from job_bench import KIND, LEASE_SECONDS, LIMIT, Bench

from engine.jobs import store
from engine.jobs.sql import query
from engine.jobs.turns import may_begin, peace_seconds, why_lost

MISSING_SECONDS, STALL_SECONDS = 0.6, 1_800.0

few = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
seconds = st.integers(-3, 3)


@dataclass(frozen=True, slots=True)
class Row:
    """A job that has not ended; its times are seconds from now."""

    realm: int
    state: str
    rank: int
    due: int
    attempt: int
    claims: int

    @property
    def is_begun(self) -> bool:
        return self.state == "running" or self.claims > 0


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Of each realm at most one job that was begun, and one that was not; in any order."""
    rows: list[Row] = []
    for realm in range(draw(st.integers(1, 6))):
        if draw(st.booleans()):
            rows.append(Row(realm, "pending", draw(seconds), draw(seconds), 0, 0))
        if draw(st.booleans()):
            claims = draw(st.integers(1, 5))
            attempt = draw(st.integers(0, min(claims, LIMIT)))
            state = draw(st.sampled_from(["pending", "running"]))
            rows.append(Row(realm, state, draw(seconds), draw(seconds), attempt, claims))
    return draw(st.permutations(rows))


def in_turn(table: Sequence[Row]) -> list[int]:
    """The places in the table in the order in which they are begun, one after the other."""
    rows, order = dict(enumerate(table)), list[int]()
    while True:
        begun = {row.realm for row in rows.values() if row.is_begun}
        free = [
            (row.rank, place)
            for place, row in rows.items()
            if row.state == "pending"
            and may_begin(
                due=row.due, now=0.0, attempt=row.attempt, max_attempts=LIMIT,
                claims=row.claims, is_realm_begun=row.realm in begun,
            )
        ]  # fmt: skip
        if not free:
            return order
        _, first = min(free)
        rows[first] = replace(rows[first], state="running")
        order.append(first)


async def fill(bench: Bench, table: Sequence[Row]) -> None:
    await bench.pool.execute("TRUNCATE realms, jobs RESTART IDENTITY CASCADE")
    realms = await bench.realms(6)
    now = await bench.clock.now()
    await bench.pool.executemany(
        "INSERT INTO jobs (realm_id, realm, tenant, state, from_scratch, priority, rank, due_at,"
        " attempt, max_attempts, claims, token, lease_until, enqueued_at)"
        " VALUES ($1, 'r', '', $2, false, 0, $3, $4, $5, $6, $7, $8, $9, $3)",
        [
            (
                realms[row.realm], row.state, now + timedelta(seconds=row.rank),
                now + timedelta(seconds=row.due), row.attempt, LIMIT, row.claims,
                uuid4() if row.state == "running" else None,
                now + timedelta(seconds=LEASE_SECONDS) if row.state == "running" else None,
            )
            for row in table
        ],
    )  # fmt: skip


@few
@given(tables(), st.integers(1, 4))
async def test_jobs_are_claimed_in_the_order_that_the_rules_say(
    bench: Bench, table: list[Row], limit: int
) -> None:
    """Several that are claimed at once are told in no order, so they are compared as sets."""
    await fill(bench, table)
    claimed: list[set[int]] = []
    while claims := await bench.claim(limit=limit):
        claimed.append({claim.job_id - 1 for claim in claims})
    expected = in_turn(table)
    assert claimed == [
        set(expected[first : first + limit]) for first in range(0, len(expected), limit)
    ]


@few
@given(
    lease=seconds,
    missing=st.none() | st.floats(-2, 0.0).map(lambda value: round(value, 1)),
    progress=st.integers(-1_803, -1_797),
)
async def test_jobs_are_lost_for_the_reason_that_the_rules_say(
    bench: Bench, lease: int, missing: float | None, progress: int
) -> None:
    await fill(bench, [Row(0, "running", 0, 0, 1, 1)])
    await bench.pool.execute("TRUNCATE workers")
    await bench.pool.execute(query("insert_worker"), worker := uuid4(), True, "host", 1, "")
    now = await bench.clock.now()
    since = None if missing is None else now + timedelta(seconds=missing)
    await bench.pool.execute("UPDATE workers SET missing_since = $1", since)
    await bench.pool.execute(
        "UPDATE jobs SET worker_id = $1, lease_until = $2, progress_at = $3",
        worker, now + timedelta(seconds=lease), now + timedelta(seconds=progress),
    )  # fmt: skip
    found = await store.lost_jobs(
        bench.pool,
        stall_seconds=STALL_SECONDS,
        missing_seconds=MISSING_SECONDS,
        lease_seconds=LEASE_SECONDS,
    )
    reason = why_lost(
        now=0.0,
        lease_until=lease,
        missing_since=missing,
        progress_at=progress,
        missing_seconds=MISSING_SECONDS,
        stall_seconds=STALL_SECONDS,
    )
    assert [each.reason for each in found] == ([] if reason is None else [reason])


@few
@given(failures=st.integers(0, 14), ago=st.integers(0, 14), later=st.sampled_from([-1, 1]))
async def test_realms_that_fail_are_left_in_peace_for_as_long_as_the_rules_say(
    bench: Bench, failures: int, ago: int, later: int
) -> None:
    await bench.pool.execute("TRUNCATE realms, jobs RESTART IDENTITY CASCADE")
    (realm,) = await bench.realms(1)
    since = peace_seconds(ago) + later
    now = await bench.clock.now()
    await bench.pool.execute(
        "UPDATE realms SET generation = 1, reconciled_at = $1", now - timedelta(days=2)
    )
    await bench.pool.executemany(
        "INSERT INTO jobs (realm_id, realm, tenant, state, from_scratch, priority, rank, due_at,"
        " max_attempts, enqueued_at, finished_at)"
        " VALUES ($1, 'r', '', 'failed', false, 0, $2, $2, 3, $2, $2)",
        [(realm, now - timedelta(seconds=since))] * failures,
    )
    taken = await bench.pool.fetch(query("select_reconcilable"), 300.0, [KIND], [], None, 10)
    assert bool(taken) is (since > peace_seconds(failures) or not failures)
