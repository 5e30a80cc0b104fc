-- Two rankings of the live chunks that pass the filters; the sum of both scores ranks.
-- $1 embedding, $2 embedder, $3 queries for what to rank, best first, $4 realms or null, $5 key pattern or null,
-- $6 language or null, $7 candidates of each ranking, $8 limit, $9 how many to rank,
-- $10 and $11 the weights of vector and text, $12 those of body, -, path and symbol,
-- $13 document that must be contained or null, $14 condition on it as a path or null, $15 its
-- variables, $16 terms, $17 their weights, $18 pattern of the keys that are set back or null,
-- $19 what is left of their scores, $20 kinds that are preferred, $21 what they get on top.
WITH scope AS NOT MATERIALIZED (
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
-- What the queries find comes in their order, so that the bound cuts off the least. The
-- offset keeps the planner from turning the loop inside out.
found AS MATERIALIZED (
    SELECT version, ordinal, terms
    FROM unnest($3::text[]::tsquery[]) AS level (asked)
    CROSS JOIN LATERAL (
        SELECT version, ordinal, terms
        FROM chunks
        JOIN scope USING (version)
        WHERE terms @@ asked
        OFFSET 0
    ) AS chunk
    LIMIT $9
),
matched AS (
    SELECT DISTINCT version, ordinal, (
        SELECT sum(weight * ts_rank($12::float4[], terms, term, 1))
        FROM unnest($16::text[]::tsquery[], $17::float4[]) AS asked (term, weight)
    ) AS rank
    FROM found
    ORDER BY rank DESC, version, ordinal
    LIMIT $7
),
-- A similarity counts by where it lies between the least and the greatest of its ranking.
scored AS (
    SELECT version, ordinal, similarity, NULL::real AS rank, $10::float8 * coalesce(
        (similarity - min(similarity) OVER ())
        / nullif(max(similarity) OVER () - min(similarity) OVER (), 0), 1
    ) AS score
    FROM near
    UNION ALL
    SELECT version, ordinal, NULL, rank, $11::float8 * rank / max(rank) OVER ()
    FROM matched
),
fused AS (
    SELECT version, ordinal, max(similarity) AS similarity, max(rank) AS rank,
        sum(score) * CASE WHEN key ~ $18::text THEN $19::float8 ELSE 1 END
        + CASE WHEN kind = ANY ($20::text[]) THEN $21::float8 ELSE 0 END AS score
    FROM scored
    JOIN chunks USING (version, ordinal)
    JOIN entries USING (version)
    GROUP BY version, ordinal, key, kind
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
