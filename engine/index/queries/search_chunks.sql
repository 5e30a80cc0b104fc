-- Two rankings of the live chunks that pass the filters, fused by reciprocal rank.
-- $1 embedding, $2 embedder, $3 tsquery, $4 realms or null, $5 key pattern or null,
-- $6 language or null, $7 candidates of each ranking, $8 limit, $9 rank constant,
-- $10 and $11 the weights of vector and text, $12 those of body, -, path and symbol,
-- $13 document that must be contained or null, $14 condition on it as a path or null, $15 its
-- variables.
WITH scope AS MATERIALIZED (
    SELECT version, realm_id, key, language, generation
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
near AS (
    SELECT version, ordinal, 1 - (embedding <=> $1) AS similarity
    FROM chunks
    JOIN scope USING (version)
    WHERE embedder_id = $2
    ORDER BY embedding <=> $1, version, ordinal
    LIMIT $7
),
matched AS (
    SELECT version, ordinal, ts_rank($12::float4[], terms, $3::tsquery, 1) AS rank
    FROM chunks
    JOIN scope USING (version)
    WHERE terms @@ $3::tsquery
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
    ORDER BY score DESC, version, ordinal
    LIMIT $8
)
SELECT realms.name AS realm, scope.key AS path, chunks.start_line, chunks.end_line, chunks.symbol,
    chunks.kind, scope.language, scope.generation, chunks.text, chunks.uses,
    fused.score, fused.similarity, fused.rank
FROM fused
JOIN chunks USING (version, ordinal)
JOIN scope USING (version)
JOIN realms ON realms.id = scope.realm_id
ORDER BY fused.score DESC, scope.key, chunks.start_line
