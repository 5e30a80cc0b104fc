INSERT INTO realms (name, source) VALUES ($1, $2)
ON CONFLICT (name) DO NOTHING
RETURNING id
