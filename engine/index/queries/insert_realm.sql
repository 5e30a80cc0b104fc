INSERT INTO realms (name, source, tenant) VALUES ($1, $2, $3)
ON CONFLICT (name) DO NOTHING
RETURNING id
