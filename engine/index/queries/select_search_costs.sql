-- What it would take to look at everything. $1 realms or null, $2 key pattern or null,
-- $3 language or null, $4 document or null, $5 condition on it or null, $6 its variables,
-- $7 entries that are counted at most, $8 the embedder's index or null.
SELECT
    (
        SELECT coalesce(sum(chunk_count), 0)
        FROM (
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
            LIMIT $7
        ) AS counted
    ) AS chunks,
    (
        SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($8)
    ) IS TRUE AS indexed,
    (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS pgvector
