INSERT INTO embedders (fingerprint, dimension) VALUES ($1, $2)
ON CONFLICT (fingerprint) DO UPDATE SET dimension = EXCLUDED.dimension
RETURNING id
