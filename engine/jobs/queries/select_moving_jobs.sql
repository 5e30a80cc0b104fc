-- Jobs that have not ended, and those that did since $1, the newest first; of the tenants
-- $2 if they are given, $3 at most. By three small indexes, not by the history of all.
WITH moving AS (
    (SELECT id FROM jobs WHERE state = 'running' ORDER BY id DESC LIMIT $3)
    UNION ALL
    (
        SELECT id FROM jobs
        WHERE state = 'pending' AND ($2::text[] IS NULL OR tenant = ANY ($2))
        ORDER BY rank, id
        LIMIT $3
    )
    UNION ALL
    (SELECT id FROM jobs WHERE finished_at >= $1 ORDER BY finished_at DESC LIMIT $3)
)
SELECT
    id, realm, tenant, state, from_scratch, priority, attempt, max_attempts, claims, worker_id,
    renewals, phase, done, total, reused, chunks, loaded, to_load,
    extract(epoch FROM coalesce(finished_at, now()) - phase_started_at)::float8 AS phase_seconds,
    progress_at, error, error_kind, report, enqueued_at, due_at, started_at, finished_at
FROM jobs
JOIN moving USING (id)
WHERE $2::text[] IS NULL OR tenant = ANY ($2)
ORDER BY id DESC
LIMIT $3
