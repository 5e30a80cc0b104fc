SELECT id, name, source, recipe, revision, generation, indexed_at FROM realms ORDER BY name
