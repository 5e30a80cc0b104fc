-- How many chunks have each term, in the order asked, and how many there are; counted no
-- further than $3.
-- $1 terms, $2 realms or null, $3 limit
SELECT (
    SELECT count(*)
    FROM (
        SELECT
        FROM chunks
        WHERE terms @@ asked.term AND ($2::bigint[] IS NULL OR realm_id = ANY ($2))
        LIMIT $3
    ) AS found
) AS chunks, (
    SELECT count(*)
    FROM (
        SELECT FROM chunks WHERE $2::bigint[] IS NULL OR realm_id = ANY ($2) LIMIT $3
    ) AS present
) AS of_all
FROM unnest($1::text[]::tsquery[]) WITH ORDINALITY AS asked (term, place)
ORDER BY place
