-- Parts of the table $1 with an index of vectors, of which the planner can't know how many numbers
-- the vectors have; with a name for such statistics that no other table has.
SELECT part.relname::text AS part, format('chunk_dimensions_%s', part.oid) AS name
FROM pg_class AS part
WHERE (
        part.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass($1))
        OR (part.oid = to_regclass($1) AND part.relkind = 'r')
    )
    AND EXISTS (
        SELECT FROM pg_index
        JOIN pg_class AS near ON near.oid = indexrelid
        WHERE indrelid = part.oid AND indisvalid AND near.relname ~ '_near_\d+_\d+$'
    )
    AND NOT EXISTS (
        SELECT FROM pg_statistic_ext
        WHERE stxrelid = part.oid
            AND pg_get_statisticsobjdef_expressions(oid) = '{vector_dims(embedding)}'
    )
ORDER BY length(part.relname), part.relname
