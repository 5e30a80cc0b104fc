-- What passes of this realm that never swapped have left behind.
DELETE FROM chunks USING working_entries AS working
WHERE working.realm_id = $1
    AND working.token <> $2
    AND chunks.realm_id = $1
    AND chunks.version = working.version
    AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.version = working.version)
