-- Requests that were given a key of their own, so that a repeated one gets the first one's job.
CREATE TABLE requests (
    id bytea PRIMARY KEY,
    job_id bigint REFERENCES jobs ON DELETE CASCADE,
    asked_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX requests_asked ON requests (asked_at);
