-- Two rankings of the live chunks that pass the filters; the sum of both scores ranks.
-- $1 embedding, $2 embedder, $3 queries for what to rank, best first, $4 realms or null, $5 key pattern or null,
-- $6 language or null, $7 candidates of each ranking, $8 limit, $9 how many to rank,
-- $10 and $11 the weights of vector and text, $12 those of body, -, path and symbol,
-- $13 document that must be contained or null, $14 condition on it as a path or null, $15 its
-- variables, $16 kinds or null, $17 offset, $18 whether a file is shown once, $19 terms,
-- $20 their weights, $21 pattern of the keys that are set back or null, $22 what is left of
-- their scores, $23 kinds that are preferred, $24 what they get on top.
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
        AND vector_dims(embedding) = vector_dims($1)
        AND ($16::text[] IS NULL OR kind = ANY ($16))
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
            AND ($16::text[] IS NULL OR kind = ANY ($16))
        OFFSET 0
    ) AS chunk
    LIMIT $9
),
matched AS (
    SELECT DISTINCT version, ordinal, (
        SELECT sum(weight * ts_rank($12::float4[], terms, term, 1))
        FROM unnest($19::text[]::tsquery[], $20::float4[]) AS asked (term, weight)
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
        sum(score) * CASE WHEN key ~ $21::text THEN $22::float8 ELSE 1 END
        + CASE WHEN kind = ANY ($23::text[]) THEN $24::float8 ELSE 0 END AS score
    FROM scored
    JOIN chunks USING (version, ordinal)
    JOIN entries USING (version)
    GROUP BY version, ordinal, key, kind
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
    WHERE NOT $18::boolean OR place_in_file = 1
    ORDER BY score DESC, key, ordinal, realm_id
    LIMIT $8 OFFSET $17
)
SELECT realms.id AS realm_id, realms.name AS realm, realms.revision AS commit, shown.key AS path,
    chunks.start_line, chunks.end_line, chunks.symbol, chunks.kind, shown.language,
    shown.generation, chunks.text, chunks.uses, shown.others, shown.score, shown.similarity,
    shown.rank, (SELECT count(*) FROM near) AS near_count
FROM shown
JOIN chunks USING (version, ordinal)
JOIN realms ON realms.id = shown.realm_id
ORDER BY shown.score DESC, shown.key, shown.ordinal, shown.realm_id
