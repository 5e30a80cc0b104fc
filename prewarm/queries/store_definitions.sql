-- 1. Process P reads generation 7 and loads a key.
-- 2. Process Q invalidates it: generation 8, the row is deleted.
-- 3. P would store what it loaded before that.
-- So the generation is compared here. The lock on its row makes an invalidation wait
-- until these rows are visible to it, and makes this statement see the generation of one
-- that it waited for.
WITH scoped AS MATERIALIZED (
    SELECT generation FROM definition_generations WHERE scope = $1 FOR SHARE
),

stored AS (
    INSERT INTO definitions (
        scope, key, version, definition, fingerprint, dependencies, generation,
        error, error_expires
    )
    SELECT
        $1, given.key, given.version, given.definition, given.fingerprint,
        given.dependencies::text[], scoped.generation,
        given.error, statement_timestamp() + make_interval(secs => given.life_seconds)
    FROM scoped
    CROSS JOIN unnest(
        $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::text[], $9::float8[]
    ) AS given (key, version, definition, fingerprint, dependencies, error, life_seconds)
    WHERE scoped.generation = $2
    ORDER BY given.key
    ON CONFLICT (scope, key) DO UPDATE SET
        version = excluded.version,
        definition = excluded.definition,
        fingerprint = excluded.fingerprint,
        dependencies = excluded.dependencies,
        generation = excluded.generation,
        error = excluded.error,
        error_expires = excluded.error_expires
)

SELECT generation FROM scoped
