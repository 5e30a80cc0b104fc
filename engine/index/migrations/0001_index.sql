CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE realms (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (name <> ''),
    source jsonb NOT NULL,
    recipe text NOT NULL DEFAULT '',
    revision text NOT NULL DEFAULT '',
    generation bigint NOT NULL DEFAULT 0,
    -- The pass that may swap. A pass whose token is no longer here changes nothing.
    pass_token uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    indexed_at timestamptz
);

-- A version names one visited state of one file and owns its chunks. It belongs to
-- exactly one row of entries or working_entries, so that a swap moves a row and no chunk.
CREATE SEQUENCE versions;

CREATE TABLE entries (
    realm_id bigint NOT NULL REFERENCES realms ON DELETE CASCADE,
    key text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    content_hash bytea NOT NULL,
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    ctime_ns bigint NOT NULL,
    inode bigint NOT NULL,
    listed_at_ns bigint NOT NULL,
    language text NOT NULL,
    definition_fingerprint text NOT NULL,
    dependencies text[] NOT NULL,
    probes text[] NOT NULL,
    diagnostics text[] NOT NULL,
    skipped text,
    error text,
    -- Whether a visit of the same content could end differently, so that it is tried again.
    retry boolean NOT NULL,
    chunk_count integer NOT NULL,
    generation bigint NOT NULL,
    PRIMARY KEY (realm_id, key)
);

CREATE UNIQUE INDEX entries_version ON entries (version);

-- Who read, or looked for, a key: the way from a change to the files it concerns. Hashed
-- with the realm, so that the src/index.ts of one realm is not that of all others, and
-- eight bytes each. Whoever asks compares the keys as well.
CREATE FUNCTION hashed_keys(realm_id bigint, keys text[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT array_agg(DISTINCT hashtextextended(key, realm_id)) FROM unnest(keys) AS key);

CREATE INDEX entries_looked_at ON entries
USING gin (hashed_keys(realm_id, dependencies || probes));

CREATE TABLE working_entries (
    LIKE entries,
    token uuid NOT NULL,
    -- All that the visit was computed from, so that a later pass can tell whether it may
    -- take the row over.
    inputs bytea NOT NULL,
    PRIMARY KEY (realm_id, token, key)
);

CREATE TABLE embedders (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint text NOT NULL UNIQUE,
    dimension integer NOT NULL
);

CREATE TABLE chunks (
    realm_id bigint NOT NULL,
    version bigint NOT NULL,
    ordinal integer NOT NULL,
    start_line integer NOT NULL,
    end_line integer NOT NULL,
    embedder_id integer NOT NULL,
    text_hash bytea NOT NULL,
    symbol text NOT NULL,
    kind text NOT NULL,
    uses text[] NOT NULL,
    text text NOT NULL,
    terms tsvector NOT NULL,
    embedding halfvec NOT NULL,
    PRIMARY KEY (version, ordinal)
);

CREATE INDEX chunks_realm ON chunks (realm_id);
CREATE INDEX chunks_text_hash ON chunks (text_hash);
CREATE INDEX chunks_terms ON chunks USING gin (terms);

-- What each pass did, newest first by id. The report is what the command line prints.
CREATE TABLE passes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    realm_id bigint NOT NULL REFERENCES realms ON DELETE CASCADE,
    token uuid NOT NULL UNIQUE,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    error text,
    report jsonb,
    -- Why the last pass visited a file, or spared one that was invalidated: by key,
    -- whether it was visited, why, the key that caused it, the names that matter. Bounded.
    explanations jsonb
);

CREATE INDEX passes_realm ON passes (realm_id, id DESC);
