-- The content is the same; what is known of the file on disk is from this pass. Not by version:
-- those of several passes that kept the live chunks have the same.
UPDATE working_entries AS working
SET token = $2, listed_at_ns = $3,
    mtime_ns = seen.mtime_ns, ctime_ns = seen.ctime_ns, inode = seen.inode
FROM unnest($4::text[], $5::uuid[], $6::bigint[], $7::bigint[], $8::bigint[])
    AS seen (key, token, mtime_ns, ctime_ns, inode)
WHERE working.realm_id = $1 AND working.token = seen.token AND working.key = seen.key
