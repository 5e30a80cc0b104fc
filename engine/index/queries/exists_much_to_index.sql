SELECT pg_table_size('chunks') >= $1
    OR EXISTS (
        SELECT FROM pg_class
        WHERE oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'chunks'::regclass)
            AND relname LIKE 'chunks\_near\_%'
    )
