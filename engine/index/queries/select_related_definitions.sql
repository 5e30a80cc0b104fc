-- Where the definitions stand that hits use. $1 the hit of each use, $2 realms, $3 keys,
-- $4 names, with an empty one for a file as a whole; all of one length.
SELECT used.hit, entries.key AS path, chunks.symbol, chunks.kind, chunks.start_line,
    chunks.end_line
FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::text[])
    WITH ORDINALITY AS used (hit, realm_id, key, name, place)
JOIN entries ON entries.realm_id = used.realm_id AND entries.key = used.key
CROSS JOIN LATERAL (
    SELECT symbol, kind, start_line, end_line
    FROM chunks
    WHERE chunks.realm_id = entries.realm_id
        AND chunks.version = entries.version
        AND (
            used.name = ''
            OR symbol = used.name
            OR starts_with(used.name, symbol || '.')
            OR position(regexp_replace(used.name, '^.*\.', '') IN text) > 0
        )
    -- The definition itself, then what holds it, then what shares a chunk with others.
    ORDER BY
        symbol = used.name DESC,
        starts_with(used.name, symbol || '.') DESC,
        length(symbol) DESC,
        ordinal
    LIMIT 1
) AS chunks
ORDER BY used.place
