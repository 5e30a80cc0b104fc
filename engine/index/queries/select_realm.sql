SELECT id, name, source, recipe, revision, generation, indexed_at, tenant, paused
FROM realms
WHERE name = $1
