-- A job that waits for its next attempt is due at once, with all its attempts again.
WITH hurried AS (
    UPDATE jobs
    SET due_at = now(), rank = least(rank, now()), attempt = 0
    WHERE id = $1 AND state = 'pending'
    RETURNING id
),
notified AS (
    SELECT pg_notify('widthwise_jobs', 'pending ' || id) FROM hurried
)
SELECT hurried.id FROM hurried LEFT JOIN notified ON true
