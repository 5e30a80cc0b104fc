-- Of files that were visited, those whose visits came to what the live index has.
SELECT live.key, live.version, live.chunk_count
FROM unnest($2::text[], $3::bytea[]) AS visited (key, chunks_hash)
JOIN entries AS live ON live.realm_id = $1 AND live.key = visited.key
WHERE live.chunks_hash = visited.chunks_hash
