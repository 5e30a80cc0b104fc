-- What waits may be begun now, or may not: whoever would begin it looks again.
WITH changed AS (
    UPDATE realms SET paused = $2 WHERE id = $1 RETURNING id
)
SELECT pg_notify('widthwise_jobs', 'pending ' || jobs.id)
FROM changed
JOIN jobs ON jobs.realm_id = changed.id AND jobs.state = 'pending'
