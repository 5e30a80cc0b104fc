SELECT DISTINCT ON (text_hash) text_hash, embedding
FROM chunks
WHERE text_hash = ANY ($1::bytea[]) AND embedder_id = $2
