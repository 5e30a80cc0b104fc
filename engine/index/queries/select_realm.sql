SELECT id, name, source, recipe, revision, generation, indexed_at FROM realms WHERE name = $1
