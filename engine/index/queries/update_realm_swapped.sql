UPDATE realms
SET generation = $2, recipe = $3, revision = $4, indexed_at = now()
WHERE id = $1
