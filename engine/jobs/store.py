"""Jobs in Postgres: each method is one statement. Decides nothing and knows no pass.

The clock is the database's. A method that acts for a claim names its token, and does
nothing once that is stale.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from engine.index.database import Connection, Queryable
from engine.jobs.rows import Attempt, Claim, Claimed, Enqueued, JobRow, LostJob
from engine.jobs.sql import query
from engine.jobs.state import JobState, LossReason, Settlement
from engine.report import Progress


@dataclass(frozen=True, slots=True)
class Reach:
    """Which realms a process can work for.

    `kinds` of sources it can open, `handed` realms whose source it was given as an object;
    `only` narrows to some realms. `recipe` is how it makes indexes.
    """

    kinds: Sequence[str]
    handed: Sequence[str] = ()
    only: Sequence[str] | None = None
    recipe: str = ""


@dataclass(frozen=True, slots=True)
class Beat:
    """One job's part of a heartbeat; `moved` if it got on since the last one."""

    job_id: int
    token: UUID
    progress: Progress
    moved: bool


async def enqueue(
    database: Queryable,
    realm_ids: Iterable[int],
    *,
    max_attempts: int,
    from_scratch: bool = False,
    priority: int = 0,
    delay_seconds: float = 0.0,
) -> list[Enqueued]:
    """Ask for a pass over each realm; realms that do not exist are left out.

    On a connection inside a transaction the jobs are part of it: no worker sees them
    before it is committed, and none can begin a job that it joined.
    """
    rows = await database.fetch(
        query("enqueue_jobs"),
        sorted(set(realm_ids)),
        from_scratch,
        priority,
        float(delay_seconds),
        max_attempts,
    )
    return [Enqueued(row["realm_id"], row["id"], not row["is_new"]) for row in rows]


async def claim(
    database: Queryable, worker_id: UUID, reach: Reach, *, lease_seconds: float, limit: int
) -> Claimed:
    """Take up to `limit` jobs that are due and may run here, the first in line first."""
    rows = await database.fetch(
        query("claim_jobs"),
        worker_id,
        float(lease_seconds),
        limit,
        list(reach.kinds),
        list(reach.handed),
        None if reach.only is None else list(reach.only),
        reach.recipe,
    )
    claims = tuple(
        Claim(
            row["id"],
            row["token"],
            row["realm_id"],
            row["realm"],
            row["from_scratch"],
            row["attempt"],
            row["max_attempts"],
            row["claims"],
        )
        for row in rows
        if row["id"] is not None
    )
    return Claimed(claims, rows[0]["next_due_seconds"])


async def beat(
    database: Queryable, beats: Sequence[Beat], *, lease_seconds: float
) -> frozenset[UUID]:
    """Renew the leases of these claims; returns the tokens of those that still hold."""
    rows = await database.fetch(
        query("beat_jobs"),
        [beat.job_id for beat in beats],
        [beat.token for beat in beats],
        float(lease_seconds),
        [str(beat.progress.phase) for beat in beats],
        [beat.progress.done for beat in beats],
        [beat.progress.total for beat in beats],
        [beat.progress.reused for beat in beats],
        [beat.progress.chunks for beat in beats],
        [beat.progress.loaded for beat in beats],
        [beat.progress.to_load for beat in beats],
        [beat.moved for beat in beats],
    )
    return frozenset(row["token"] for row in rows)


async def settle(
    database: Queryable,
    job_id: int,
    token: UUID,
    settlement: Settlement,
    *,
    report: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> JobState | None:
    """End a claim; returns the state that the job is in now, nothing if the token is stale.

    `progress` is where the attempt got to, if it is known better than by its heartbeats.
    """
    counts = ("done", "total", "reused", "chunks")
    state = await database.fetchval(
        query("settle_job"),
        job_id,
        token,
        str(settlement.state),
        settlement.charged,
        float(settlement.delay_seconds),
        settlement.outcome,
        settlement.error,
        None if settlement.kind is None else str(settlement.kind),
        None if report is None else json.dumps(report),
        *(None if progress is None else getattr(progress, name) for name in counts),
    )
    return None if state is None else JobState(state)


async def cancel(database: Queryable, job_id: int) -> bool:
    """End a job that waits or runs, at once; whether there was anything to end."""
    return bool(await database.fetch(query("cancel_jobs"), job_id, None))


async def cancel_all(database: Queryable, realm_id: int) -> list[int]:
    """End all jobs of a realm."""
    rows = await database.fetch(query("cancel_jobs"), None, realm_id)
    return [row["id"] for row in rows]


async def hurry(database: Queryable, job_id: int) -> bool:
    """Make a waiting job due now, with all its attempts again; whether it was waiting."""
    return await database.fetchval(query("hurry_job"), job_id) is not None


async def find(database: Queryable, job_id: int) -> JobRow | None:
    row = await database.fetchrow(query("select_job"), job_id)
    return None if row is None else JobRow.of(row)


async def current(database: Queryable, realm_id: int) -> JobRow | None:
    """The job that a realm is about now, or its last one."""
    row = await database.fetchrow(query("select_current_job"), realm_id)
    return None if row is None else JobRow.of(row)


async def page(
    database: Queryable,
    *,
    realm: str | None = None,
    states: Sequence[JobState] | None = None,
    tenants: Sequence[str] | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[JobRow]:
    """Jobs, the newest first, those before the id `before`."""
    wanted = None if states is None else [str(state) for state in states]
    rows = await database.fetch(query("select_jobs"), before, realm, wanted, tenants, limit)
    return [JobRow.of(row) for row in rows]


async def moving(
    database: Queryable, *, ended_since: datetime, tenants: Sequence[str] | None, limit: int
) -> list[JobRow]:
    """Jobs that have not ended, and those that did since then, the newest first."""
    rows = await database.fetch(query("select_moving_jobs"), ended_since, tenants, limit)
    return [JobRow.of(row) for row in rows]


async def now(database: Queryable) -> datetime:
    """The time by the clock that all of it is dated by."""
    at: datetime = await database.fetchval("SELECT now()")
    return at


async def enqueue_once(
    connection: Connection, request_id: bytes, realm_id: int, **asked: Any
) -> Enqueued | None:
    """`enqueue`, unless the request was made before: then what that came to.

    Part of the transaction of `connection`. Two at once: the second waits for the first.
    """
    if await connection.fetchval(query("insert_request"), request_id):
        requests = await enqueue(connection, [realm_id], **asked)
        if not requests:
            return None
        await connection.execute(query("update_request"), request_id, requests[0].job_id)
        return requests[0]
    job_id = await connection.fetchval(query("select_request"), request_id)
    return None if job_id is None else Enqueued(realm_id, job_id, joined=True)


async def attempts(database: Queryable, job_id: int) -> list[Attempt]:
    """The claims of a job that have ended, in order."""
    return [Attempt(*row) for row in await database.fetch(query("select_attempts"), job_id)]


async def watch_workers(database: Queryable, worker_id: UUID) -> int:
    """Note whose session lock is free; returns how many other workers run something."""
    return int(await database.fetchval(query("watch_workers"), worker_id))


async def lost_jobs(
    database: Queryable, *, stall_seconds: float, missing_seconds: float, lease_seconds: float
) -> list[LostJob]:
    """The running jobs that must be taken from their workers."""
    rows = await database.fetch(
        query("select_lost_jobs"),
        float(stall_seconds),
        float(missing_seconds),
        float(lease_seconds),
    )
    return [_lost_job(row) for row in rows]


async def jobs_of_worker(database: Queryable, worker_id: UUID) -> list[LostJob]:
    """The running jobs of one worker, for somebody who knows that it is dead."""
    return [
        _lost_job(row) for row in await database.fetch(query("select_jobs_of_worker"), worker_id)
    ]


async def leave_to_others(database: Queryable) -> None:
    """Have all workers with room look for jobs, because we will not."""
    await database.execute(query("notify_anything"))


async def is_forsaken(database: Queryable, worker_id: UUID, *, within_seconds: float) -> bool:
    """Whether the last of a worker's claims has ended, within so many seconds."""
    return bool(await database.fetchval(query("exists_forsaken"), worker_id, float(within_seconds)))


def _lost_job(row: asyncpg.Record) -> LostJob:
    return LostJob(
        row["id"],
        row["token"],
        row["worker_id"],
        row["attempt"],
        row["max_attempts"],
        row["claims"],
        LossReason(row["reason"]),
        row["overdue"],
    )


async def set_paused(database: Queryable, realm_id: int, *, paused: bool) -> None:
    await database.execute(query("update_realm_paused"), realm_id, paused)


async def prune(database: Queryable, *, older_than_seconds: float, limit: int = 1_000) -> int:
    """Delete jobs that ended so long ago, but the last one of each realm."""
    rows = await database.fetch(query("delete_old_jobs"), float(older_than_seconds), limit)
    return len(rows)
