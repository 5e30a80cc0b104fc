-- What it would take to look at everything. $1 realms or null, $2 key pattern or null,
-- $3 language or null, $4 document or null, $5 condition on it or null, $6 its variables,
-- $7 so many chunks are enough to know, $8 the embedder's index or null, $9 marks of the kinds
-- or null, $10 of the realms or null, $11 the mark of a sample of all chunks,
-- by which kinds are estimated, $12 how many times that is all.
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
                WHERE chunk_marks(realm_id, version, ordinal, kind, terms) && ARRAY[$11::text]
                    AND chunk_marks(realm_id, version, ordinal, kind, terms) && $9
                    AND ($10::text[] IS NULL OR chunk_marks(realm_id, version, ordinal, kind, terms) && $10)
                LIMIT $7::bigint / $12::bigint
            ) AS sample
        ) END
    ) AS chunks,
    (
        SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($8)
    ) IS TRUE AS indexed,
    (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS pgvector
FROM first
