-- Two rankings of the live chunks that pass the filters; the sum of both scores ranks.
-- $1 embedding, $2 embedder, $3 queries for more to rank, best first, $4 realms or null, $5 key pattern or null,
-- $6 language or null, $7 candidates of each ranking, $8 limit, $9 how many to rank,
-- $10 and $11 the weights of vector and text, $12 those of body, -, path and symbol,
-- $13 document that must be contained or null, $14 condition on it as a path or null, $15 its
-- variables, $16 kinds or null, $17 offset, $18 whether a file is shown once, $19 terms,
-- $20 their weights, $21 pattern of the keys that are set back or null, $22 what is left of
-- their scores, $23 kinds that are preferred, $24 what they get on top, $25 marks of which what
-- is to be ranked has one, for each query of $3, $26 marks of the realms or null, $27 of the
-- kinds or null, $28 words that each key has or null, $29 query for what is always ranked,
-- $30 query for any of the terms, $31 realms whose partitions are asked or null.
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
    SELECT realm_id, version, ordinal, 1 - (embedding <=> $1) AS similarity
    FROM chunks
    JOIN scope USING (version)
    WHERE embedder_id = $2
        AND vector_dims(embedding) = vector_dims($1)
        AND ($31::bigint[] IS NULL OR realm_id = ANY ($31))
        AND ($16::text[] IS NULL OR kind = ANY ($16))
        AND ($27::text[] IS NULL OR chunk_marks(realm_id, version, ordinal, kind, terms) && $27)
    ORDER BY embedding <=> $1, version, ordinal
    LIMIT $7
),
-- The marks decide nothing that is not decided by others: they keep what does not pass out of
-- what is read.
candidates AS NOT MATERIALIZED (
    SELECT realm_id, version, ordinal, terms,
        chunk_marks(realm_id, version, ordinal, kind, terms) AS marks
    FROM chunks
    JOIN scope USING (version)
    WHERE ($16::text[] IS NULL OR kind = ANY ($16))
        AND ($31::bigint[] IS NULL OR realm_id = ANY ($31))
        AND ($26::text[] IS NULL OR chunk_marks(realm_id, version, ordinal, kind, terms) && $26)
        AND ($27::text[] IS NULL OR chunk_marks(realm_id, version, ordinal, kind, terms) && $27)
        AND ($28::text IS NULL OR terms @@ $28::text::tsquery)
),
rare AS MATERIALIZED (
    SELECT realm_id, version, ordinal, terms FROM candidates WHERE terms @@ $29::text::tsquery
),
-- What the queries find comes in their order, so that the bound cuts off the least. The
-- offset keeps the planner from turning the loop inside out.
common AS MATERIALIZED (
    SELECT realm_id, version, ordinal, terms
    FROM unnest($3::text[]::tsquery[], $25::text[]) AS level (asked, any_mark)
    CROSS JOIN LATERAL (
        SELECT realm_id, version, ordinal, terms
        FROM candidates
        WHERE terms @@ asked AND marks && string_to_array(any_mark, ' ')
        OFFSET 0
    ) AS chunk
    LIMIT greatest(0, $9 - (SELECT count(*) FROM rare))
),
found AS (
    SELECT * FROM rare
    UNION ALL
    SELECT * FROM common
),
-- To set the rank against the length of a text takes longer than all else of it, so that is
-- done once, and not for each term.
matched AS (
    SELECT DISTINCT realm_id, version, ordinal, (
        SELECT sum(weight * ts_rank($12::float4[], terms, term))
        FROM unnest($19::text[]::tsquery[], $20::float4[]) AS asked (term, weight)
    ) * ts_rank($12::float4[], terms, $30::text::tsquery, 1)
        / ts_rank($12::float4[], terms, $30::text::tsquery) AS rank
    FROM found
    ORDER BY rank DESC, version, ordinal
    LIMIT $7
),
-- A similarity counts by where it lies between the least and the greatest of its ranking.
scored AS (
    SELECT realm_id, version, ordinal, similarity, NULL::real AS rank, $10::float8 * coalesce(
        (similarity - min(similarity) OVER ())
        / nullif(max(similarity) OVER () - min(similarity) OVER (), 0), 1
    ) AS score
    FROM near
    UNION ALL
    SELECT realm_id, version, ordinal, NULL, rank, $11::float8 * rank / max(rank) OVER ()
    FROM matched
),
fused AS (
    SELECT realm_id, version, ordinal, max(similarity) AS similarity, max(rank) AS rank,
        sum(score) * CASE WHEN key ~ $21::text THEN $22::float8 ELSE 1 END
        + CASE WHEN kind = ANY ($23::text[]) THEN $24::float8 ELSE 0 END AS score
    FROM scored
    JOIN chunks USING (realm_id, version, ordinal)
    JOIN entries USING (realm_id, version)
    GROUP BY realm_id, version, ordinal, key, kind
),
grouped AS (
    SELECT *,
        row_number() OVER (PARTITION BY version ORDER BY score DESC, ordinal) AS place_in_file,
        count(*) OVER (PARTITION BY version) - 1 AS others
    FROM fused
),
shown AS (
    SELECT grouped.*, entries.key, entries.language, entries.generation
    FROM grouped
    JOIN entries USING (realm_id, version)
    WHERE NOT $18::boolean OR place_in_file = 1
    ORDER BY score DESC, key, ordinal, realm_id
    LIMIT $8 OFFSET $17
)
SELECT realms.id AS realm_id, realms.name AS realm, realms.revision AS commit, shown.key AS path,
    chunks.start_line, chunks.end_line, chunks.symbol, chunks.kind, shown.language,
    shown.generation, chunks.text, chunks.uses, shown.others, shown.score, shown.similarity,
    shown.rank, (SELECT count(*) FROM near) AS near_count
FROM shown
JOIN chunks USING (realm_id, version, ordinal)
JOIN realms ON realms.id = shown.realm_id
ORDER BY shown.score DESC, shown.key, shown.ordinal, shown.realm_id
