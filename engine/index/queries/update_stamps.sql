UPDATE entries AS live
SET mtime_ns = seen.mtime_ns, ctime_ns = seen.ctime_ns, inode = seen.inode, listed_at_ns = $2
FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS seen (key, mtime_ns, ctime_ns, inode)
WHERE live.realm_id = $1 AND live.key = seen.key
