-- From here on the realm's earlier passes can neither write nor swap.
WITH begun AS (UPDATE realms SET pass_token = $2 WHERE id = $1 RETURNING id)
INSERT INTO passes (realm_id, token) SELECT id, $2 FROM begun
RETURNING id
