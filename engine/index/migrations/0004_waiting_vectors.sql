-- Vectors that were paid for and that no chunk holds yet: those of files some of whose texts
-- are still to be embedded. They leave as their chunks are written, or when they are a day old.
CREATE TABLE waiting_vectors (
    embedder_id integer NOT NULL,
    text_hash bytea NOT NULL,
    embedding halfvec NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (embedder_id, text_hash)
);
