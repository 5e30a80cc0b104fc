-- Whether a worker runs nothing any more, and a claim of it has ended not long ago.
--
-- $1 worker; $2 seconds.
SELECT
    NOT EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND worker_id = $1)
    AND EXISTS (
        SELECT 1
        FROM attempts
        WHERE worker_id = $1 AND finished_at > now() - make_interval(secs => $2)
    )
