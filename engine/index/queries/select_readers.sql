-- The candidates come from the index alone: were the realm asked for beside it, a planner that
-- has no statistics yet would read all of the realm and compare arrays, every pair of them.
WITH candidates AS MATERIALIZED (
    SELECT realm_id, key, dependencies
    FROM entries
    WHERE hashed_keys(realm_id, dependencies || probes) && hashed_keys($1, $2::text[])
)
SELECT candidates.key, min(wanted.key) AS read
FROM candidates
CROSS JOIN LATERAL unnest(candidates.dependencies) AS dependency (key)
JOIN unnest($2::text[]) AS wanted (key) ON wanted.key = dependency.key
WHERE candidates.realm_id = $1
GROUP BY candidates.key
ORDER BY candidates.key
