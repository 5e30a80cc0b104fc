"""A job as the database has it, and as the model does; and what rows alone must keep."""

from collections.abc import Callable
from typing import Any

from job_machine_model import Job

Row = tuple[Any, ...]


def actual(row: Any, seconds: Callable[[Any], float | None]) -> Row:
    running = row["state"] == "running"
    return (
        row["realm_id"],
        row["state"],
        row["token"],
        row["attempt"],
        row["claims"],
        row["from_scratch"],
        row["priority"],
        seconds(row["due_at"]),
        seconds(row["finished_at"]),
        seconds(row["lease_until"]),
        row["renewals"] if running else None,
        row["worker_id"] if running else None,
        seconds(row["progress_at"]) if running else None,
    )


def expected(job: Job) -> Row:
    running = job.state == "running"
    return (
        job.realm,
        job.state,
        job.token,
        job.attempt,
        job.claims,
        job.from_scratch,
        job.priority,
        round(job.due, 3),
        job.finished,
        None if job.lease is None else round(job.lease, 3),
        job.renewals if running else None,
        job.worker if running else None,
        job.progress if running else None,
    )


BROKEN_RULES = """
    SELECT 'two tokens' AS rule, token::text AS what
    FROM jobs WHERE token IS NOT NULL GROUP BY token HAVING count(*) > 1
    UNION ALL
    SELECT 'two running', realm_id::text
    FROM jobs WHERE state = 'running' GROUP BY realm_id HAVING count(*) > 1
    UNION ALL
    SELECT 'two begun', realm_id::text
    FROM jobs
    WHERE realm_id IS NOT NULL AND (state = 'running' OR (state = 'pending' AND claims > 0))
    GROUP BY realm_id HAVING count(*) > 1
    UNION ALL
    SELECT 'two untouched', realm_id::text
    FROM jobs WHERE realm_id IS NOT NULL AND state = 'pending' AND claims = 0
    GROUP BY realm_id HAVING count(*) > 1
    UNION ALL
    SELECT 'state and token', id::text
    FROM jobs WHERE (state = 'running') <> (token IS NOT NULL AND lease_until IS NOT NULL)
    UNION ALL
    SELECT 'beyond its attempts', id::text
    FROM jobs
    WHERE attempt > max_attempts OR (state = 'pending' AND attempt >= max_attempts)
        OR attempt < 0 OR attempt > claims
    UNION ALL
    SELECT 'an end without a time, or a time without an end', id::text
    FROM jobs WHERE (state IN ('pending', 'running')) <> (finished_at IS NULL)
    UNION ALL
    SELECT 'alive without a realm', id::text
    FROM jobs WHERE state IN ('pending', 'running') AND realm_id IS NULL
    UNION ALL
    SELECT 'lines and claims', jobs.id::text
    FROM jobs LEFT JOIN attempts ON attempts.job_id = jobs.id
    GROUP BY jobs.id
    HAVING count(attempts.id) <> jobs.claims - (jobs.state = 'running')::int
    UNION ALL
    SELECT 'a pass is open that no claim is behind', token::text
    FROM passes
    WHERE finished_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.token = passes.claim_token)
"""
