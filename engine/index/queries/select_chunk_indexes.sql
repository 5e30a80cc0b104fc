-- The indexes of the chunks but for the primary key and those of vectors: what stands behind the
-- table in the name, and in the statement that made them.
SELECT substr(relname, length('chunks_')) AS suffix,
    substring(pg_get_indexdef(oid) FROM ' (USING .*)$') AS definition
FROM pg_class
WHERE oid IN (
        SELECT indexrelid FROM pg_index WHERE indrelid = 'chunks'::regclass AND NOT indisprimary
    )
    AND relname !~ '_near_\d+_\d+$'
ORDER BY relname
