-- What an embedder was the last time, known by all but the size of its vectors; of one size
-- if that is given.
SELECT dimension, edition, sample
FROM embedders
WHERE fingerprint = $1 || '/' || dimension || CASE WHEN edition > 1 THEN '#' || edition ELSE '' END
    AND ($2::integer IS NULL OR dimension = $2)
ORDER BY id DESC
LIMIT 1
