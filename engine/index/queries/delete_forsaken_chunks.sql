DELETE FROM chunks USING working_entries AS working
WHERE working.realm_id = ANY ($1::bigint[])
    AND chunks.realm_id = working.realm_id
    AND chunks.version = working.version
    AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.version = working.version)
