-- The candidates come from the index alone: see select_readers.sql.
WITH candidates AS MATERIALIZED (
    SELECT realm_id, key, probes
    FROM entries
    WHERE hashed_keys(realm_id, dependencies || probes) && hashed_keys($1, $2::text[])
)
SELECT key, (SELECT min(probe) FROM unnest(probes) AS probe WHERE probe = ANY ($2)) AS probe
FROM candidates
WHERE realm_id = $1 AND probes && $2::text[]
