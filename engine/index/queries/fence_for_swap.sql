SELECT generation + 1 FROM realms WHERE id = $1 AND pass_token = $2 FOR UPDATE
