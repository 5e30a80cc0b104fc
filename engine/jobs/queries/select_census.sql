-- Counts for those who watch. Entries are estimated: to count a million takes a second.
SELECT
    count(*) FILTER (WHERE state = 'pending') AS pending,
    count(*) FILTER (WHERE state = 'running') AS running,
    count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
    count(*) FILTER (WHERE state = 'pending' AND error IS NOT NULL) AS retrying,
    coalesce(
        extract(epoch FROM now() - min(due_at) FILTER (WHERE state = 'pending' AND due_at <= now())),
        0
    )::float8 AS oldest_pending_seconds,
    (SELECT count(*) FROM workers WHERE beat_at > now() - interval '15 minutes') AS workers,
    (SELECT count(*) FROM realms) AS realms,
    (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'entries'::regclass) AS entries
FROM jobs
