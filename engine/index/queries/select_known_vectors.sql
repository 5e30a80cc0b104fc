SELECT DISTINCT ON (text_hash) text_hash, embedding, shortened_to, waits
FROM (
    SELECT text_hash, embedding, shortened_to, false AS waits
    FROM chunks
    WHERE text_hash = ANY ($1::bytea[]) AND embedder_id = $2
    UNION ALL
    SELECT text_hash, embedding, shortened_to, true
    FROM waiting_vectors
    WHERE text_hash = ANY ($1::bytea[]) AND embedder_id = $2
) AS known
ORDER BY text_hash, waits DESC
