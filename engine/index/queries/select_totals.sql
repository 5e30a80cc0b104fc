SELECT
    count(*) AS files,
    count(error) AS errors,
    count(skipped) AS skipped,
    coalesce(sum(chunk_count), 0) AS chunks
FROM entries
WHERE realm_id = $1
