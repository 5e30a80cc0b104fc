-- Running jobs whose worker is dead, silent for its lease, or gets nowhere. A live lease
-- with progress is never among them.
--
-- $1 stall in seconds; $2 how long a worker's lock must have been free; $3 lease.
SELECT
    jobs.id,
    jobs.token,
    jobs.worker_id,
    jobs.attempt,
    jobs.max_attempts,
    jobs.claims,
    CASE
        WHEN jobs.lease_until < now() THEN 'lease'
        WHEN workers.id IS NULL
            OR workers.missing_since <= now() - make_interval(secs => $2) THEN 'dead'
        ELSE 'stalled'
    END AS reason,
    -- Over for as long again: a live worker would have let go of its rows.
    jobs.lease_until < now() - make_interval(secs => $3) AS overdue
FROM jobs
LEFT JOIN workers ON workers.id = jobs.worker_id
WHERE jobs.state = 'running'
    AND (
        jobs.lease_until < now()
        OR workers.id IS NULL
        OR workers.missing_since <= now() - make_interval(secs => $2)
        OR jobs.progress_at < now() - make_interval(secs => $1)
    )
ORDER BY jobs.id
