-- $1 key, $2 tenants or null, $3 how many. The limit inside keeps it one look into the index
-- of entries for each realm: keys alone have none.
SELECT realms.name
FROM realms
CROSS JOIN LATERAL (
    SELECT FROM entries WHERE entries.realm_id = realms.id AND entries.key = $1 LIMIT 1
) AS found
WHERE $2::text[] IS NULL OR realms.tenant = ANY ($2)
ORDER BY realms.name
LIMIT $3
