-- One row without a key tells the generation where nothing is found; no row at all, that
-- the scope was never opened.
SELECT
    scoped.generation,
    found.key,
    found.version,
    found.definition,
    found.dependencies,
    found.error,
    extract(epoch FROM found.error_expires - statement_timestamp())::float8 AS life_seconds
FROM definition_generations AS scoped
LEFT JOIN (
    SELECT stored.*
    FROM unnest($2::text[], $3::text[]) AS wanted (key, version)
    JOIN definitions AS stored
        ON stored.scope = $1 AND stored.key = wanted.key AND stored.version = wanted.version
    WHERE stored.error IS NULL OR stored.error_expires > statement_timestamp()
) AS found ON true
WHERE scoped.scope = $1
