-- The next $1 rows, in the order of the primary key. Whoever deletes one of them waits for this
-- statement, and its trigger finds the copy; what is being deleted is waited for, and left out.
WITH batch AS MATERIALIZED (
    SELECT chunks.*
    FROM chunks
    WHERE (version, ordinal) > (SELECT version, ordinal FROM partitioning)
    ORDER BY version, ordinal
    LIMIT $1
    FOR KEY SHARE
),
copied AS (
    INSERT INTO chunks_staged SELECT * FROM batch ON CONFLICT DO NOTHING
),
last AS (
    SELECT count(*) OVER () AS rows, version, ordinal
    FROM batch
    ORDER BY version DESC, ordinal DESC
    LIMIT 1
)
UPDATE partitioning
SET version = coalesce(last.version, partitioning.version),
    ordinal = coalesce(last.ordinal, partitioning.ordinal),
    copied = coalesce(last.rows, 0) < $1
FROM (SELECT) AS always
LEFT JOIN last ON true
RETURNING coalesce(last.rows, 0) AS rows
