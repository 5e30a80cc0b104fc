-- Those of the table $1 itself, by name.
SELECT relname::text AS name
FROM pg_class
WHERE oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass($1))
ORDER BY relname
