SELECT pg_notify($2, string_agg(held.lock::text, ' '))
FROM unnest($1::bigint[]) AS held (lock)
WHERE pg_advisory_unlock(held.lock)
