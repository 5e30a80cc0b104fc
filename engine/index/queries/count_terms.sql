-- How many chunks that pass the filters have each term, in the order asked, counted no further
-- than $3. What has $5 in a sample of all chunks is not counted to the end.
-- $1 terms, $2 realms or null, $3 limit, $4 their marks or null, $5 many for the sample, $6 its mark,
-- $7 marks of the kinds or null, $8 words that each key has or null.
WITH candidates AS NOT MATERIALIZED (
    SELECT terms, chunk_marks(realm_id, version, ordinal, kind, terms) AS marks
    FROM chunks
    WHERE ($2::bigint[] IS NULL OR realm_id = ANY ($2))
        AND ($4::text[] IS NULL OR chunk_marks(realm_id, version, ordinal, kind, terms) && $4)
        AND ($7::text[] IS NULL OR chunk_marks(realm_id, version, ordinal, kind, terms) && $7)
        AND ($8::text IS NULL OR terms @@ $8::text::tsquery)
)
SELECT CASE
    WHEN (
        SELECT count(*)
        FROM (
            SELECT FROM candidates WHERE terms @@ term AND marks && ARRAY[$6::text] LIMIT $5
        ) AS sample
    ) >= $5 THEN $3::bigint
    ELSE (SELECT count(*) FROM (SELECT FROM candidates WHERE terms @@ term LIMIT $3) AS found)
END AS chunks
FROM unnest($1::text[]::tsquery[]) WITH ORDINALITY AS asked (term, place)
ORDER BY place
