-- Look whether the workers of running jobs still hold their locks, and note since when
-- not. The lock is looked up and not tried, so that nobody who comes back finds it taken.
-- Returns how many other workers have something running.
WITH busy AS (
    SELECT
        workers.id,
        workers.missing_since,
        workers.holds_lock
            AND NOT EXISTS (
                SELECT 1
                FROM pg_locks
                WHERE locktype = 'advisory'
                    AND classid = 1464421464
                    AND objid = workers.number
                    AND objsubid = 2
                    AND granted
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            ) AS missing
    FROM workers
    WHERE id IN (SELECT worker_id FROM jobs WHERE state = 'running') AND id <> $1
),
noted AS (
    UPDATE workers
    SET missing_since = CASE WHEN busy.missing THEN now() END
    FROM busy
    WHERE workers.id = busy.id AND busy.missing <> (busy.missing_since IS NOT NULL)
)
SELECT count(*)::int FROM busy
