-- A page of realms by name, those behind $1; of the names $2 and the tenants $3 only, if given.
SELECT id, name, source, recipe, revision, generation, indexed_at, tenant, paused
FROM realms
WHERE name > $1
    AND ($2::text[] IS NULL OR name = ANY ($2))
    AND ($3::text[] IS NULL OR tenant = ANY ($3))
ORDER BY name
LIMIT $4
