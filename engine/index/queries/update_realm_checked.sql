UPDATE realms SET revision = $2, indexed_at = now() WHERE id = $1
