-- Each text is looked for on its own, through an index: asked for all at once, a planner whose
-- statistics are old or missing reads the whole table of chunks instead. One that waits comes
-- first, since whoever writes its chunks has to know of it.
SELECT wanted.text_hash, known.embedding, known.shortened_to, known.waits
FROM unnest($1::bytea[]) AS wanted (text_hash)
CROSS JOIN LATERAL (
    SELECT embedding, shortened_to, true AS waits
    FROM waiting_vectors
    WHERE embedder_id = $2 AND text_hash = wanted.text_hash
    UNION ALL
    (
        SELECT embedding, shortened_to, false
        FROM chunks
        WHERE embedder_id = $2 AND text_hash = wanted.text_hash
        LIMIT 1
    )
    ORDER BY waits DESC
    LIMIT 1
) AS known
