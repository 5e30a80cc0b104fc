SELECT key, content_hash, size, mtime_ns, ctime_ns, inode, listed_at_ns,
    definition_fingerprint, error, retry
FROM entries
WHERE realm_id = $1
