SELECT DISTINCT ON (text_hash) text_hash, embedding, waits
FROM (
    SELECT text_hash, embedding, false AS waits
    FROM chunks
    WHERE text_hash = ANY ($1::bytea[]) AND embedder_id = $2
    UNION ALL
    SELECT text_hash, embedding, true
    FROM waiting_vectors
    WHERE text_hash = ANY ($1::bytea[]) AND embedder_id = $2
) AS known
ORDER BY text_hash, waits DESC
