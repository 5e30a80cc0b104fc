DELETE FROM entries AS live
WHERE live.realm_id = $1
    AND (
        live.key = ANY ($3::text[])
        OR live.key IN (SELECT key FROM working_entries WHERE realm_id = $1 AND token = $2)
    )
