-- End jobs that wait or run, by id or all of a realm. A running pass can write no more
-- from here on, and hears of it by the notification or at its next heartbeat.
WITH ours AS (
    SELECT *
    FROM jobs
    WHERE state IN ('pending', 'running')
        AND (id = $1::bigint OR realm_id = $2::bigint)
    ORDER BY id
    FOR UPDATE
),
cancelled AS (
    UPDATE jobs
    SET state = 'cancelled', token = NULL, lease_until = NULL, finished_at = now()
    FROM ours
    WHERE jobs.id = ours.id
    RETURNING jobs.id
),
history AS (
    INSERT INTO attempts (
        job_id, number, token, worker_id, started_at, finished_at, outcome, error, error_kind,
        renewals, done, total, reused
    )
    SELECT
        id, attempt, token, worker_id, started_at, now(), 'cancelled', NULL, NULL,
        renewals, done, total, reused
    FROM ours
    WHERE state = 'running'
),
closed AS (
    UPDATE passes
    SET finished_at = now(), error = 'cancelled'
    FROM (
        SELECT passes.id
        FROM passes
        JOIN ours ON ours.token = passes.claim_token
        WHERE passes.finished_at IS NULL
        -- As in settle_job: whoever writes this line may be on its way to the job.
        FOR UPDATE OF passes SKIP LOCKED
    ) AS open
    WHERE passes.id = open.id
),
notified AS (
    SELECT pg_notify('widthwise_jobs', 'cancelled ' || string_agg(id::text, ','))
    FROM cancelled
    HAVING count(*) > 0
)
SELECT cancelled.id FROM cancelled LEFT JOIN notified ON true
