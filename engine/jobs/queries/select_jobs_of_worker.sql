-- The running jobs of one worker, to be taken from it.
SELECT
    id,
    token,
    worker_id,
    attempt,
    max_attempts,
    claims,
    'dead' AS reason,
    false AS overdue
FROM jobs
WHERE state = 'running' AND worker_id = $1
ORDER BY id
