DELETE FROM entries AS live USING (
    SELECT key FROM working_entries WHERE realm_id = $1 AND token = $2
    UNION ALL
    SELECT unnest($3::text[])
) AS replaced
WHERE live.realm_id = $1 AND live.key = replaced.key
