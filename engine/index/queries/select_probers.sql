SELECT key, (SELECT min(probe) FROM unnest(probes) AS probe WHERE probe = ANY ($2)) AS probe
FROM entries
WHERE realm_id = $1 AND probes && $2::text[]
