-- Ended so long ago, but never the latest of its realm.
DELETE FROM jobs
WHERE id IN (
    SELECT id
    FROM jobs AS old
    WHERE finished_at < now() - make_interval(secs => $1)
        AND (
            realm_id IS NULL
            OR EXISTS (SELECT 1 FROM jobs AS later WHERE later.realm_id = old.realm_id AND later.id > old.id)
        )
    ORDER BY finished_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
RETURNING id
