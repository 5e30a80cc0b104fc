-- Each embedder with its index over this part of the chunks, if any. $1 rows are counted at most.
SELECT
    embedders.id,
    embedders.dimension,
    (
        SELECT count(*)
        FROM (SELECT FROM "{part}" WHERE embedder_id = embedders.id LIMIT $1) AS counted
    ) AS rows,
    pg_index.indisvalid AS valid,
    EXISTS (
        SELECT FROM pg_stat_progress_create_index
        WHERE index_relid = pg_index.indexrelid AND datname = current_database()
    ) AS building
FROM embedders
LEFT JOIN pg_index
    ON pg_index.indexrelid = to_regclass(format('{part}_near_%s_%s', embedders.id, dimension))
ORDER BY embedders.id
