-- Whether the index $1 is valid, and a part of one over all partitions; no row without one.
SELECT indisvalid AS valid, (SELECT relispartition FROM pg_class WHERE oid = indexrelid) AS attached
FROM pg_index
WHERE indexrelid = to_regclass($1)
