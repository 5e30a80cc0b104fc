-- What was computed for a scope (a realm), and how often the scope was invalidated.
-- Deleting a scope is an invalidation of it: rows go, its generation stays and counts on.

CREATE TABLE definition_generations (
    scope text PRIMARY KEY,
    generation bigint NOT NULL
);

-- One row per key: a definition, or an error with a short life.
--   version       the content that was loaded; a row of another version is a miss
--   definition    see prewarm/encoding.py
--   dependencies  the keys that it was computed from
--   generation    the scope's when it was stored
CREATE TABLE definitions (
    scope text NOT NULL,
    key text NOT NULL,
    version text NOT NULL,
    definition bytea,
    fingerprint text,
    dependencies text[] NOT NULL,
    generation bigint NOT NULL,
    error text,
    error_expires timestamptz,
    PRIMARY KEY (scope, key),
    CHECK ((definition IS NULL) = (fingerprint IS NULL)),
    CHECK ((definition IS NULL) = (error IS NOT NULL)),
    CHECK ((error IS NULL) = (error_expires IS NULL))
);

-- An invalidation goes from each key to the rows that were computed from it.
CREATE INDEX definitions_dependencies ON definitions USING gin (dependencies);
