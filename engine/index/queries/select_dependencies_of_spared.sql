-- Of those of the files $2 that the last pass did not visit, if it visited any.
SELECT entries.key, dependencies
FROM entries
JOIN realms ON realms.id = entries.realm_id
WHERE realms.id = $1 AND entries.key = ANY ($2::text[]) AND entries.generation < realms.generation
