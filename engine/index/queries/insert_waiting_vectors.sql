-- Two passes may bring the same text at once. In one order for all, so that neither waits
-- for what the other wants.
INSERT INTO waiting_vectors (embedder_id, text_hash, embedding, shortened_to)
SELECT $1, text_hash, embedding, shortened_to
FROM unnest($2::bytea[], $3::halfvec[], $4::integer[])
    AS brought (text_hash, embedding, shortened_to)
ORDER BY text_hash
ON CONFLICT DO NOTHING
