INSERT INTO embedders (fingerprint, dimension, edition, sample) VALUES ($1, $2, $3, $4)
ON CONFLICT (fingerprint) DO UPDATE SET
    dimension = EXCLUDED.dimension,
    sample = coalesce(embedders.sample, EXCLUDED.sample)
RETURNING id
