-- Where the rows of the table $1 are: its partitions, or itself.
SELECT relname::text AS name
FROM pg_class
WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass($1))
    OR (oid = to_regclass($1) AND relkind = 'r')
ORDER BY length(relname), relname
