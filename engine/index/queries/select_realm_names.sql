-- $1 how many.
SELECT name FROM realms ORDER BY indexed_at DESC NULLS LAST, name LIMIT $1
