-- The keys and whatever was computed from them, transitively. The edges are gathered
-- first, because a join by hash costs the same for one key and for all of them.
WITH RECURSIVE edges AS MATERIALIZED (
    SELECT key, unnest(dependencies) AS dependency
    FROM definitions
    WHERE scope = $1 AND dependencies <> '{}'
),

reached AS (
    SELECT unnest($2::text[]) AS key
    UNION
    SELECT edges.key
    FROM reached
    JOIN edges ON edges.dependency = reached.key
),

deleted AS (
    DELETE FROM definitions USING reached
    WHERE definitions.scope = $1 AND definitions.key = reached.key
)

SELECT key FROM reached
