-- What was written after generation $4, with a row of nulls if nothing was; no row at all unless
-- the pass $2 is the last that has begun, and generation $3 the one that it left.
SELECT entries.key, content_hash, size, mtime_ns, ctime_ns, inode, listed_at_ns,
    definition_fingerprint, error, retry
FROM realms
LEFT JOIN entries ON entries.realm_id = realms.id AND entries.generation > $4
WHERE realms.id = $1 AND realms.pass_token = $2 AND realms.generation = $3
