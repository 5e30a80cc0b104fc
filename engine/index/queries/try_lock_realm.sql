-- The first number keeps these locks apart from those of other programs.
SELECT pg_try_advisory_lock(1464421463, $1::int)
