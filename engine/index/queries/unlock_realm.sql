SELECT pg_advisory_unlock(1464421463, $1::int)
