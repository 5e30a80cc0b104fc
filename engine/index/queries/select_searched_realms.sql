-- The realms that may be searched, and one text that tells whether any of them has changed; and
-- whether chunks are partitioned by their realm.
SELECT
    coalesce(array_agg(id), '{}') AS ids,
    coalesce(array_agg(name), '{}') AS names,
    coalesce(md5(string_agg(id || ':' || generation, ',' ORDER BY id)), '') AS generations,
    (SELECT relkind = 'p' FROM pg_class WHERE oid = 'chunks'::regclass) AS partitioned
FROM realms
WHERE ($1::text[] IS NULL OR name = ANY ($1)) AND ($2::text[] IS NULL OR tenant = ANY ($2))
