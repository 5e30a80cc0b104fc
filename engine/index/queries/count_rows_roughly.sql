-- As the statistics have it; less than none before the first ones.
SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass($1)
