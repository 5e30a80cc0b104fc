-- Keeps what the last good visit left, if there was one, and says why there is nothing newer.
-- What the failed visit read and looked for comes as one JSON array for each file.
INSERT INTO working_entries (
    realm_id, token, key, version, content_hash, size, mtime_ns, ctime_ns, inode, listed_at_ns,
    language, definition_fingerprint, dependencies, probes, diagnostics, skipped, error, retry,
    chunk_count, generation, inputs, document, chunks_hash
)
SELECT
    $1, $2, failed.key, coalesce(live.version, nextval('versions')),
    failed.content_hash, failed.size, failed.mtime_ns, failed.ctime_ns, failed.inode, $3,
    failed.language, failed.definition_fingerprint,
    ARRAY(SELECT jsonb_array_elements_text(failed.dependencies)),
    ARRAY(SELECT jsonb_array_elements_text(failed.probes)),
    '{}', NULL, failed.error, failed.retry,
    coalesce(live.chunk_count, 0), 0, '', live.document, live.chunks_hash
FROM unnest(
    $4::text[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
    $10::text[], $11::text[], $12::text[], $13::boolean[], $14::jsonb[], $15::jsonb[]
) AS failed (
    key, content_hash, size, mtime_ns, ctime_ns, inode, language, definition_fingerprint,
    error, retry, dependencies, probes
)
LEFT JOIN entries AS live ON live.realm_id = $1 AND live.key = failed.key
