-- How long the vectors were that an embedder made last, known by all but their size.
SELECT dimension
FROM embedders
WHERE fingerprint = $1 || '/' || dimension
ORDER BY id DESC
LIMIT 1
