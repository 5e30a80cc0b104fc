SELECT key, error FROM entries
WHERE realm_id = $1 AND error IS NOT NULL
ORDER BY key
LIMIT $2
