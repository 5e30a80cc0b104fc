-- A file's pieces in order, with what is known of the file in each row; one row without a
-- piece where it has none. $1 realm, $2 key, $3 how many pieces.
SELECT realms.name AS realm, realms.revision AS commit, entries.content_hash, entries.size,
    entries.language, entries.skipped, entries.error, entries.generation, chunks.ordinal,
    chunks.start_line, chunks.end_line, chunks.symbol, chunks.kind, chunks.text
FROM realms
JOIN entries ON entries.realm_id = realms.id
LEFT JOIN chunks ON chunks.realm_id = entries.realm_id AND chunks.version = entries.version
WHERE realms.name = $1 AND entries.key = $2
ORDER BY chunks.ordinal
LIMIT $3
