SELECT key, (SELECT min(read) FROM unnest(dependencies) AS read WHERE read = ANY ($2)) AS read
FROM entries
WHERE realm_id = $1
    AND hashed_keys(realm_id, dependencies || probes) && hashed_keys($1, $2::text[])
    AND dependencies && $2::text[]
ORDER BY key
