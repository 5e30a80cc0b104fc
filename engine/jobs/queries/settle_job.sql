-- End the claim that has this token, and write its line of history. Nothing happens, and
-- nothing is returned, once the token is stale.
--
-- $3 the next state; $4 whether the attempt counts; $5 seconds until it is due again;
-- $6 outcome; $7 error; $8 its kind; $9 report; $10 to $13 files done, in all and reused,
-- and chunks, where they are known better than from the last heartbeat.
WITH ours AS (
    SELECT
        id,
        attempt,
        token,
        worker_id,
        started_at,
        renewals,
        coalesce($10, done) AS done,
        coalesce($11, total) AS total,
        coalesce($12, reused) AS reused,
        coalesce($13, chunks) AS chunks,
        -- The limit holds here too, whatever the process thinks that asks.
        CASE
            WHEN $3 = 'pending' AND $4 AND attempt >= max_attempts THEN 'failed'
            ELSE $3
        END AS next_state
    FROM jobs
    WHERE id = $1 AND token = $2 AND state = 'running'
    FOR UPDATE
),
settled AS (
    UPDATE jobs
    SET state = ours.next_state,
        attempt = CASE WHEN $4 THEN jobs.attempt ELSE jobs.attempt - 1 END,
        token = NULL,
        lease_until = NULL,
        error = CASE WHEN ours.next_state = 'succeeded' THEN NULL ELSE coalesce($7, jobs.error) END,
        error_kind = CASE
            WHEN ours.next_state = 'succeeded' THEN NULL
            ELSE coalesce($8, jobs.error_kind)
        END,
        report = $9,
        rank = CASE WHEN ours.next_state = 'pending' THEN least(jobs.rank, now()) ELSE jobs.rank END,
        due_at = CASE
            WHEN ours.next_state = 'pending' THEN now() + make_interval(secs => $5)
            ELSE jobs.due_at
        END,
        phase = CASE ours.next_state
            WHEN 'pending' THEN 'queued'
            WHEN 'succeeded' THEN 'done'
            ELSE jobs.phase
        END,
        done = ours.done,
        total = ours.total,
        reused = ours.reused,
        chunks = ours.chunks,
        finished_at = CASE WHEN ours.next_state = 'pending' THEN NULL ELSE now() END
    FROM ours
    WHERE jobs.id = ours.id
    RETURNING jobs.id, jobs.state
),
history AS (
    INSERT INTO attempts (
        job_id, number, token, worker_id, started_at, finished_at, outcome, error, error_kind,
        renewals, done, total, reused
    )
    SELECT
        id, attempt, token, worker_id, started_at, now(), $6, $7, $8, renewals, done, total, reused
    FROM ours
),
closed AS (
    UPDATE passes
    SET finished_at = now(), error = coalesce($7, $6)
    FROM (
        SELECT passes.id
        FROM passes
        JOIN ours ON ours.token = passes.claim_token
        WHERE passes.finished_at IS NULL
        -- The pass itself may be writing its line, in a swap that then comes for the job. It
        -- finds that ended, takes all back, and writes the line anew.
        FOR UPDATE OF passes SKIP LOCKED
    ) AS open
    WHERE passes.id = open.id
),
notified AS (
    SELECT pg_notify('widthwise_jobs', state || ' ' || id) FROM settled
)
SELECT settled.state FROM settled LEFT JOIN notified ON true
