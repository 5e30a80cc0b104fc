-- Of passes that failed so long ago, or of files that changed since.
DELETE FROM waiting_vectors
WHERE (embedder_id, text_hash) IN (
    SELECT embedder_id, text_hash
    FROM waiting_vectors
    WHERE kept_at < now() - make_interval(secs => $1)
    FOR UPDATE SKIP LOCKED
)
