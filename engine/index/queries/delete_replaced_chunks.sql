-- Versions that no entry will own after the swap. A failed visit keeps the version it had.
DELETE FROM chunks USING entries AS live
WHERE chunks.version = live.version
    AND live.realm_id = $1
    AND (
        live.key = ANY ($3::text[])
        OR EXISTS (
            SELECT 1 FROM working_entries AS working
            WHERE working.realm_id = $1
                AND working.token = $2
                AND working.key = live.key
                AND working.version <> live.version
        )
    )
