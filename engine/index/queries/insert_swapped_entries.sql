INSERT INTO entries (
    realm_id, key, version, content_hash, size, mtime_ns, ctime_ns, inode, listed_at_ns,
    language, definition_fingerprint, dependencies, probes, diagnostics, skipped, error, retry,
    chunk_count, generation, document, chunks_hash
)
SELECT
    realm_id, key, version, content_hash, size, mtime_ns, ctime_ns, inode, listed_at_ns,
    language, definition_fingerprint, dependencies, probes, diagnostics, skipped, error, retry,
    chunk_count, $3, document, chunks_hash
FROM working_entries
WHERE realm_id = $1 AND token = $2
