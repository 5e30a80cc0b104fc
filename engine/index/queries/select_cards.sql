-- Cards in key order. $1 realm, $2 document that must be contained or null, $3 condition as a
-- path or null, $4 its variables, $5 the key before, $6 limit.
SELECT key, document
FROM entries
WHERE realm_id = $1
    AND document IS NOT NULL
    AND ($2::text IS NULL OR document @> $2::text::jsonb)
    AND ($3::text IS NULL OR jsonb_path_match(document, $3::text::jsonpath, $4::text::jsonb, true))
    AND key > $5
ORDER BY key
LIMIT $6
