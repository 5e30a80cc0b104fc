SELECT key, version, inputs, dependencies, chunk_count
FROM working_entries
WHERE realm_id = $1 AND token <> $2 AND error IS NULL AND key = ANY ($3::text[])
ORDER BY version DESC
