SELECT number, worker_id, started_at, finished_at, outcome, error, error_kind, renewals, done,
    total, reused
FROM attempts
WHERE job_id = $1
ORDER BY id
