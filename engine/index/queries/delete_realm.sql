DELETE FROM realms WHERE id = $1
