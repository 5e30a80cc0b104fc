-- The latest passes over the realm $1, the newest first; $2 at most.
SELECT started_at, finished_at, error, report
FROM passes
WHERE realm_id = $1
ORDER BY id DESC
LIMIT $2
