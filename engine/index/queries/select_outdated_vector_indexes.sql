SELECT relname::text AS name
FROM pg_class
WHERE oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'chunks'::regclass)
    AND relname ~ '^chunks_near_\d+_\d+$'
    AND relname NOT IN (SELECT format('chunks_near_%s_%s', id, dimension) FROM embedders)
