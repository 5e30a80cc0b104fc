-- What it would take to look at everything. $1 realms or null, $2 key pattern or null,
-- $3 language or null, $4 document or null, $5 condition on it or null, $6 its variables,
-- $7 so many chunks are enough to know, $8 what the indexes of the embedder's vectors are called
-- behind the name of their table or null, $9 marks of the kinds
-- or null, $10 of the realms or null, $11 the mark of a sample of all chunks,
-- by which kinds are estimated, $12 how many times that is all, $13 rows that need no index,
-- $14 realms whose partitions are asked or null.
WITH scope AS NOT MATERIALIZED (
    SELECT chunk_count
    FROM entries
    WHERE chunk_count > 0
        AND ($1::bigint[] IS NULL OR realm_id = ANY ($1))
        AND ($2::text IS NULL OR key ~ $2)
        AND ($3::text IS NULL OR language = $3)
        AND ($4::text IS NULL OR document @> $4::text::jsonb)
        AND (
            $5::text IS NULL
            OR jsonb_path_match(document, $5::text::jsonpath, $6::text::jsonb, true)
        )
),
-- Files have several chunks, so that mostly an eighth of the files is enough.
first AS (
    SELECT count(*) AS files, coalesce(sum(chunk_count), 0) AS chunks
    FROM (SELECT chunk_count FROM scope LIMIT $7::bigint / 8) AS files
),
-- The table of chunks, or its partitions.
parts AS (
    SELECT part.reltuples, pg_index.indisvalid AS valid
    FROM pg_class AS part
    LEFT JOIN pg_index ON pg_index.indexrelid = to_regclass(part.relname || $8)
    WHERE part.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'chunks'::regclass)
        OR (part.oid = 'chunks'::regclass AND part.relkind = 'r')
)
SELECT
    least(
        CASE
            WHEN first.files < $7::bigint / 8 OR first.chunks >= $7::bigint THEN first.chunks
            ELSE (SELECT sum(chunk_count) FROM (SELECT chunk_count FROM scope LIMIT $7::bigint) AS files)
        END,
        CASE WHEN $9::text[] IS NOT NULL THEN (
            -- One more, since none in the sample may still be some.
            SELECT (count(*) + 1) * $12::bigint
            FROM (
                SELECT
                FROM chunks
                WHERE ($14::bigint[] IS NULL OR realm_id = ANY ($14))
                    AND chunk_marks(realm_id, version, ordinal, kind, terms) && ARRAY[$11::text]
                    AND chunk_marks(realm_id, version, ordinal, kind, terms) && $9
                    AND ($10::text[] IS NULL OR chunk_marks(realm_id, version, ordinal, kind, terms) && $10)
                LIMIT $7::bigint / $12::bigint
            ) AS sample
        ) END
    ) AS chunks,
    -- A partition without an index is read whole, which must not take long.
    (
        SELECT bool_or(valid) AND bool_and(valid IS TRUE OR reltuples <= $13) FROM parts
    ) IS TRUE AS indexed,
    (SELECT count(*) FROM parts) AS parts,
    (SELECT max(reltuples)::bigint FROM parts) AS rows,
    (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS pgvector
FROM first
