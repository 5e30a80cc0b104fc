SELECT key, (SELECT min(probe) FROM unnest(probes) AS probe WHERE probe = ANY ($2)) AS probe
FROM entries
WHERE realm_id = $1
    AND hashed_keys(realm_id, dependencies || probes) && hashed_keys($1, $2::text[])
    AND probes && $2::text[]
