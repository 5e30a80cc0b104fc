"""Who is next, and whose claim is over: the rules that the statements keep, as pure functions.

The statements are what runs, since they see all jobs at one moment. A test holds them to
these rules on tables that nobody thought of; whoever reasons about many jobs without a
database reasons with these. Times are in seconds, by one clock.
"""

from engine.jobs.state import LossReason

# What one job of a tenant is worth in line to its next one, and a point of priority to all.
TURN_SECONDS = 60.0

# How long a realm is left in peace after its first failed job, and at most.
FIRST_PEACE_SECONDS = 60.0
MOST_PEACE_SECONDS = 86_400.0


def rank_of(
    asked_at: float, *, priority: int = 0, delay_seconds: float = 0.0, last: float | None = None
) -> float:
    """The place in line of a new job, the lowest first (`enqueue_jobs.sql`).

    `last` is the highest rank among those of its tenant that wait, are as wanted and are due
    by then; there is none for a realm without a tenant.
    """
    own = asked_at - TURN_SECONDS * priority + delay_seconds
    return own if last is None else max(own, last + TURN_SECONDS)


def rank_of_joined(rank: float, *, points: int, sooner_seconds: float) -> float:
    """Where a job moves that another request joins: by so many points more of priority,
    and, if nobody has begun it, by how much earlier it is due (`enqueue_jobs.sql`).
    """
    return rank - TURN_SECONDS * max(points, 0) - max(sooner_seconds, 0.0)


def may_begin(
    *,
    due: float,
    now: float,
    attempt: int,
    max_attempts: int,
    claims: int,
    is_realm_begun: bool,
) -> bool:
    """Whether a pending job can be claimed (`claim_jobs.sql`).

    `is_realm_begun` if the realm has a job that runs, or waits between two attempts: that one
    comes before the one which nobody has begun.
    """
    return due <= now and attempt < max_attempts and (claims > 0 or not is_realm_begun)


def why_lost(
    *,
    now: float,
    lease_until: float,
    missing_since: float | None,
    progress_at: float,
    missing_seconds: float,
    stall_seconds: float,
) -> LossReason | None:
    """Why a running job is to be taken from its worker, if it is (`select_lost_jobs.sql`).

    `missing_since` is when the worker's lock was first found free, if it still is.
    """
    if lease_until < now:
        return LossReason.LEASE
    if missing_since is not None and missing_since <= now - missing_seconds:
        return LossReason.DEAD
    return LossReason.STALLED if progress_at < now - stall_seconds else None


def peace_seconds(failures: int) -> float:
    """How long the reconciler leaves a realm alone whose last jobs failed, so many in a row
    (`select_reconcilable.sql`).
    """
    if failures < 1:
        return 0.0
    return min(FIRST_PEACE_SECONDS * 2.0 ** min(failures - 1, 20), MOST_PEACE_SECONDS)
