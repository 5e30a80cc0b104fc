-- Of the last pass that ended well.
SELECT explanations -> $2
FROM passes
WHERE realm_id = $1 AND finished_at IS NOT NULL AND error IS NULL
ORDER BY id DESC
LIMIT 1
