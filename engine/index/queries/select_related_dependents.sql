-- The files that read those of hits. $1 realms, $2 keys, $3 how many of each.
SELECT asked.realm_id, asked.key AS path, readers.key AS dependent
FROM unnest($1::bigint[], $2::text[]) AS asked (realm_id, key)
CROSS JOIN LATERAL (
    SELECT key
    FROM entries
    WHERE realm_id = asked.realm_id
        AND hashed_keys(realm_id, dependencies || probes)
            && hashed_keys(asked.realm_id, ARRAY[asked.key])
        AND asked.key = ANY (dependencies)
    ORDER BY key
    LIMIT $3
) AS readers
ORDER BY asked.realm_id, asked.key, readers.key
