SELECT
    id, realm, tenant, state, from_scratch, priority, attempt, max_attempts, claims, worker_id,
    renewals, phase, done, total, reused, chunks, loaded, to_load,
    extract(epoch FROM coalesce(finished_at, now()) - phase_started_at)::float8 AS phase_seconds,
    progress_at, error, error_kind, report, enqueued_at, due_at, started_at, finished_at
FROM jobs
WHERE id = $1
