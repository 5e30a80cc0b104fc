SELECT key, token, inputs, dependencies,
    ARRAY(SELECT rtrim(probe, '/') FROM unnest(probes) AS probe WHERE probe LIKE '%/') AS contents
FROM working_entries
WHERE realm_id = $1 AND token <> $2 AND error IS NULL AND key = ANY ($3::text[])
ORDER BY version DESC
