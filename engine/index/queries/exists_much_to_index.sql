-- Whether the table of chunks, or all of its partitions, take $1 bytes, or have an index of vectors.
WITH parts AS (
    SELECT 'chunks'::regclass AS part
    UNION ALL
    SELECT inhrelid FROM pg_inherits WHERE inhparent = 'chunks'::regclass
)
SELECT (SELECT sum(pg_table_size(part)) FROM parts) >= $1
    OR EXISTS (
        SELECT FROM pg_class
        WHERE oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT part FROM parts))
            AND relname LIKE '%\_near\_%'
    )
