-- The content is the same; what is known of the file on disk is from this pass.
UPDATE working_entries AS working
SET token = $2, listed_at_ns = $3,
    mtime_ns = seen.mtime_ns, ctime_ns = seen.ctime_ns, inode = seen.inode
FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    AS seen (version, mtime_ns, ctime_ns, inode)
WHERE working.realm_id = $1 AND working.version = seen.version
