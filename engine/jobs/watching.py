"""What goes on with jobs, as a picture after the other. Knows no connection to anybody."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.index.database import Database
from engine.jobs import store
from engine.jobs.queue import JobQueue
from engine.jobs.rows import JobRow

# Progress is written once a second, and heard of by asking.
MOVING_SECONDS = 1.0
IDLE_SECONDS = 10.0

# A transaction takes its time when it begins, and is seen when it ends.
LATE_SECONDS = 30.0

MAX_JOBS = 200


@dataclass(frozen=True, slots=True)
class Picture:
    """Jobs that are in another state or further than in the picture before.

    `at` is the database's time of it: whoever comes back with that sees what it missed.
    """

    at: datetime
    moved: tuple[JobRow, ...]


async def watch_jobs(
    database: Database,
    queue: JobQueue,
    *,
    tenants: Sequence[str] | None,
    since: datetime | None,
) -> AsyncIterator[Picture]:
    """Pictures of the jobs of some tenants, or of all; the first has all that has not ended.

    With `since` it also has what ended after that; so whoever was away may see something
    twice, and misses no end. Of more than `MAX_JOBS` that move at once some are left out
    until others have ended.
    """
    seen: dict[int, tuple[object, ...]] = {}
    with queue.listening() as wait:
        while True:
            at = await store.now(database.brisk)
            ended_since = (since or at) - timedelta(seconds=LATE_SECONDS if since else 0)
            rows = await store.moving(
                database.pool, ended_since=ended_since, tenants=tenants, limit=MAX_JOBS
            )
            moved = tuple(row for row in reversed(rows) if seen.get(row.id) != _state(row))
            seen = {row.id: _state(row) for row in rows}
            since = at
            yield Picture(at, moved)
            running = any(not row.state.is_end for row in rows)
            await wait(MOVING_SECONDS if running else IDLE_SECONDS)


def _state(row: JobRow) -> tuple[object, ...]:
    """All that people see change."""
    now = row.progress
    counts = (now.phase, now.done, now.total, now.loaded, now.to_load, now.chunks)
    return (row.state, row.claims, row.error, row.due_at, *counts)
