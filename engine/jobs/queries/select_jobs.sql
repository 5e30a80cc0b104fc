-- A page of jobs, the newest first, those before the id $1 if it is given.
SELECT
    id, realm, tenant, state, from_scratch, priority, attempt, max_attempts, claims, worker_id,
    renewals, phase, done, total, reused, chunks, loaded, to_load,
    extract(epoch FROM coalesce(finished_at, now()) - phase_started_at)::float8 AS phase_seconds,
    progress_at, error, error_kind, report, enqueued_at, due_at, started_at, finished_at
FROM jobs
WHERE ($1::bigint IS NULL OR id < $1)
    AND ($2::text IS NULL OR realm = $2)
    AND ($3::text[] IS NULL OR state = ANY ($3::text[]))
    AND ($4::text[] IS NULL OR tenant = ANY ($4::text[]))
ORDER BY id DESC
LIMIT $5
