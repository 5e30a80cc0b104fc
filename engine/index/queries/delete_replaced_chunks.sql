-- Versions that no entry will own after the swap. A failed visit keeps the version it had.
DELETE FROM chunks USING (
    SELECT live.version
    FROM working_entries AS working
    JOIN entries AS live ON live.realm_id = $1 AND live.key = working.key
    WHERE working.realm_id = $1 AND working.token = $2 AND working.version <> live.version
    UNION ALL
    SELECT version FROM entries WHERE realm_id = $1 AND key = ANY ($3::text[])
) AS obsolete
WHERE chunks.realm_id = $1 AND chunks.version = obsolete.version
