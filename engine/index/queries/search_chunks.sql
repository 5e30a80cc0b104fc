-- Two rankings of the live chunks that pass the filters, fused by reciprocal rank.
-- $1 embedding, $2 embedder, $3 tsquery, $4 realms or null, $5 key pattern or null,
-- $6 language or null, $7 candidates of each ranking, $8 limit, $9 rank constant,
-- $10 and $11 the weights of vector and text, $12 those of body, -, path and symbol,
-- $13 document that must be contained or null, $14 condition on it as a path or null, $15 its
-- variables, $16 kinds or null, $17 most rows whose words are ranked or null, $18 offset,
-- $19 whether a file is shown once.
-- Rows of unfinished passes have no entry, so that the join with `scope` leaves them out.
WITH scope AS NOT MATERIALIZED (
    SELECT version
    FROM entries
    WHERE ($4::bigint[] IS NULL OR realm_id = ANY ($4))
        AND ($5::text IS NULL OR key ~ $5)
        AND ($6::text IS NULL OR language = $6)
        AND ($13::text IS NULL OR document @> $13::text::jsonb)
        AND (
            $14::text IS NULL
            OR jsonb_path_match(document, $14::text::jsonpath, $15::text::jsonb, true)
        )
),
near AS MATERIALIZED (
    SELECT version, ordinal, 1 - (embedding <=> $1) AS similarity
    FROM chunks
    JOIN scope USING (version)
    WHERE embedder_id = $2
        AND ($16::text[] IS NULL OR kind = ANY ($16))
    ORDER BY embedding <=> $1, version, ordinal
    LIMIT $7
),
found AS (
    SELECT version, ordinal, terms
    FROM chunks
    JOIN scope USING (version)
    WHERE terms @@ $3::tsquery
        AND ($16::text[] IS NULL OR kind = ANY ($16))
    LIMIT $17
),
matched AS (
    SELECT version, ordinal, ts_rank($12::float4[], terms, $3::tsquery, 1) AS rank
    FROM found
    ORDER BY ts_rank($12::float4[], terms, $3::tsquery, 1) DESC, version, ordinal
    LIMIT $7
),
placed AS (
    SELECT version, ordinal, similarity, NULL::real AS rank, $10::float8 AS weight,
        row_number() OVER (ORDER BY similarity DESC, version, ordinal) AS place
    FROM near
    UNION ALL
    SELECT version, ordinal, NULL, rank, $11::float8,
        row_number() OVER (ORDER BY rank DESC, version, ordinal)
    FROM matched
),
fused AS (
    SELECT version, ordinal, max(similarity) AS similarity, max(rank) AS rank,
        sum(weight / ($9 + place)) AS score
    FROM placed
    GROUP BY version, ordinal
),
grouped AS (
    SELECT *,
        row_number() OVER (PARTITION BY version ORDER BY score DESC, ordinal) AS place_in_file,
        count(*) OVER (PARTITION BY version) - 1 AS others
    FROM fused
),
shown AS (
    SELECT grouped.*, entries.realm_id, entries.key, entries.language, entries.generation
    FROM grouped
    JOIN entries USING (version)
    WHERE NOT $19::boolean OR place_in_file = 1
    ORDER BY score DESC, key, ordinal, realm_id
    LIMIT $8 OFFSET $18
)
SELECT realms.id AS realm_id, realms.name AS realm, realms.revision AS commit, shown.key AS path,
    chunks.start_line, chunks.end_line, chunks.symbol, chunks.kind, shown.language,
    shown.generation, chunks.text, chunks.uses, shown.others, shown.score, shown.similarity,
    shown.rank, (SELECT count(*) FROM near) AS near_count
FROM shown
JOIN chunks USING (version, ordinal)
JOIN realms ON realms.id = shown.realm_id
ORDER BY shown.score DESC, shown.key, shown.ordinal, shown.realm_id
