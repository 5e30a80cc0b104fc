-- Those of the table $1, which holds rows itself.
SELECT relname::text AS name
FROM pg_class
WHERE oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass($1))
    AND relname ~ '_near_\d+_\d+$'
    AND relname NOT IN (SELECT $1 || format('_near_%s_%s', id, dimension) FROM embedders)
