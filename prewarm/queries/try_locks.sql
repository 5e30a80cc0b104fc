SELECT wanted.lock
FROM unnest($1::bigint[]) AS wanted (lock)
WHERE pg_try_advisory_lock(wanted.lock)
