-- In the transaction that writes their chunks. What another transaction is deleting is left
-- to it: so this waits for nobody.
DELETE FROM waiting_vectors
WHERE (embedder_id, text_hash) IN (
    SELECT embedder_id, text_hash
    FROM waiting_vectors
    WHERE embedder_id = $1 AND text_hash = ANY ($2::bytea[])
    FOR UPDATE SKIP LOCKED
)
