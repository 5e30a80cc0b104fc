SELECT key, version, content_hash, size, language, definition_fingerprint, dependencies, probes,
    diagnostics, skipped, error, chunk_count, generation
FROM entries
WHERE realm_id = $1 AND key = $2
