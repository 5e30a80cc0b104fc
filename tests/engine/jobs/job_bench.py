"""Realms, workers and claims on a real database whose clock the test moves."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import anyio
import asyncpg
import pytest
from virtual_clock import SESSION, VirtualClock

from engine.index import live
from engine.index.database import Connection, Queryable
from engine.jobs import Backoff, Claim, Enqueued, JobState, Patience, Reach, store
from engine.jobs.sql import query
from engine.jobs.state import Outcome, settlement
from engine.jobs.store import Beat
from engine.jobs.sweeper import sweep_jobs
from engine.report import Progress

LEASE_SECONDS = 600.0
LIMIT = 3
KIND = "folder"

PATIENCE = Patience(lease_seconds=LEASE_SECONDS, stall_seconds=1_800.0, sweep_seconds=30.0)

# The session locks of workers are of this class: "WIDX", as a number.
LOCK_CLASS = 1464421464

# Takes a text out of a statement by its name, for the length of a test.
TakeOut: TypeAlias = Callable[..., None]

guards = pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "guard taken out"])

TABLES = "realms, workers, jobs, attempts, passes, working_entries, chunks"


@dataclass(slots=True, eq=False)
class VirtualWorker:
    """A process as the database sees one: a row, and a session that holds its lock."""

    number: int
    session: Connection
    id: UUID = field(default_factory=uuid4)

    async def die(self) -> None:
        """Its lock is free by the time this returns."""
        await self.session.close()


@dataclass(frozen=True, slots=True)
class Bench:
    """What the tests do to the database, in the words of the store."""

    dsn: str
    pool: asyncpg.Pool
    clock: VirtualClock
    sessions: contextlib.AsyncExitStack

    async def connect(self, *, application_name: str = "bench") -> Connection:
        """A session of its own, for what has to happen at the same time."""
        settings = SESSION | {"application_name": application_name}
        session = await asyncpg.connect(self.dsn, server_settings=settings)
        self.sessions.push_async_callback(_ended, session)
        return session

    async def realm(self, name: str, *, tenant: str = "", kind: str = KIND) -> int:
        await live.insert_realm(self.pool, name, {"kind": kind}, tenant=tenant)
        row = await live.find_realm(self.pool, name)
        assert row is not None
        return row.id

    async def realms(self, count: int, *, tenant: str = "", prefix: str = "r") -> list[int]:
        """Many at once."""
        rows = await self.pool.fetch(
            "INSERT INTO realms (name, source, tenant)"
            " SELECT $1 || lpad(i::text, 6, '0'), jsonb_build_object('kind', $2::text), $3"
            " FROM generate_series(1, $4) AS i RETURNING id",
            prefix, KIND, tenant, count,
        )  # fmt: skip
        return [row["id"] for row in rows]

    async def worker(self, *, recipe: str = "", locked: bool = True) -> VirtualWorker:
        session = await self.connect()
        worker = VirtualWorker(0, session)
        worker.number = await session.fetchval(
            query("insert_worker"), worker.id, locked, "host", 1, recipe
        )
        if locked:
            assert await session.fetchval(query("lock_worker"), worker.number)
        return worker

    async def enqueue(self, *realm_ids: int, **options: Any) -> list[int]:
        """The jobs, in the order of the realms' ids."""
        options = {"max_attempts": LIMIT, "database": self.pool} | options
        asked = await store.enqueue(options.pop("database"), realm_ids, **options)
        return [each.job_id for each in sorted(asked, key=lambda each: each.realm_id)]

    async def request(self, realm_id: int, **options: Any) -> Enqueued:
        (asked,) = await store.enqueue(self.pool, [realm_id], max_attempts=LIMIT, **options)
        return asked

    async def claim(
        self,
        worker: UUID | VirtualWorker | None = None,
        *,
        limit: int = 1,
        reach: Reach | None = None,
        database: Queryable | None = None,
    ) -> tuple[Claim, ...]:
        worker_id = worker.id if isinstance(worker, VirtualWorker) else worker or uuid4()
        claimed = await store.claim(
            database or self.pool,
            worker_id,
            reach or Reach([KIND]),
            lease_seconds=LEASE_SECONDS,
            limit=limit,
        )
        return claimed.claims

    async def begun(self, realm_id: int, worker: VirtualWorker | None = None) -> Claim:
        """A claim of a new job of the realm."""
        await self.enqueue(realm_id)
        (claim,) = await self.claim(worker)
        assert claim.realm_id == realm_id
        return claim

    async def settle(
        self, claim: Claim, outcome: Outcome, *, database: Queryable | None = None
    ) -> JobState | None:
        """End the claim as its worker would."""
        decided = settlement(
            outcome,
            attempt=claim.attempt,
            max_attempts=claim.max_attempts,
            claims=claim.claims,
            backoff=Backoff(),
            spread=0.0,
        )
        return await store.settle(database or self.pool, claim.job_id, claim.token, decided)

    async def beat(
        self, *claims: Claim, done: int = 0, moved: bool = False, database: Queryable | None = None
    ) -> frozenset[UUID]:
        progress = Progress(done=done, total=100)
        beats = [Beat(claim.job_id, claim.token, progress, moved) for claim in claims]
        return await store.beat(database or self.pool, beats, lease_seconds=LEASE_SECONDS)

    async def sweep(self, *, patience: Patience = PATIENCE) -> int:
        await store.watch_workers(self.pool, uuid4())
        return await sweep_jobs(self.pool, patience=patience, spread=lambda: 0.0)

    async def job(self, job_id: int) -> Mapping[str, Any]:
        """The row, with all that no caller of the store is told."""
        row = await self.pool.fetchrow("SELECT * FROM jobs WHERE id = $1", job_id)
        assert row is not None
        return row

    async def states(self) -> dict[int, str]:
        return {r["id"]: r["state"] for r in await self.pool.fetch("SELECT id, state FROM jobs")}

    async def outcomes(self, job_id: int) -> list[str]:
        return [each.outcome for each in await store.attempts(self.pool, job_id)]

    async def due_in(self, job_id: int) -> float:
        due_at: datetime = (await self.job(job_id))["due_at"]
        return (due_at - await self.clock.now()).total_seconds()


@asynccontextmanager
async def opened_bench(dsn: str, *, connections: int = 4) -> AsyncIterator[Bench]:
    """A bench on a database with the schema and a clock; it is empty."""
    pool = asyncpg.create_pool(dsn, min_size=1, max_size=connections, server_settings=SESSION)
    async with pool, contextlib.AsyncExitStack() as sessions:
        bench = Bench(dsn, pool, VirtualClock(pool), sessions)
        await pool.execute(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")
        await bench.clock.set()
        yield bench


async def _ended(session: Connection) -> None:
    # Its transaction may be open, or its server process may have been ended.
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await session.close(timeout=5)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the test's own tasks do."""
    with anyio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - of many kinds, and over in milliseconds
            await anyio.sleep(0.005)


async def until_blocked(bench: Bench, session: Connection) -> None:
    """Wait until the session waits for another one's lock."""
    pid = session.get_server_pid()
    blockers = "SELECT cardinality(pg_blocking_pids($1))"
    with anyio.fail_after(20):
        while not await bench.pool.fetchval(blockers, pid):  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(0.005)


async def all_at_once(acts: Sequence[Callable[[], Awaitable[None]]]) -> None:
    async with anyio.create_task_group() as tasks:
        for act in acts:
            tasks.start_soon(act)
