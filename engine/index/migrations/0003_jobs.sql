ALTER TABLE realms
    -- Whose realm it is: tenants share the workers fairly. Empty is a group of its own.
    ADD COLUMN tenant text COLLATE "C" NOT NULL DEFAULT '',
    -- No job of a paused realm is claimed.
    ADD COLUMN paused boolean NOT NULL DEFAULT false,
    -- When somebody last compared the live index with its source, unasked.
    ADD COLUMN reconciled_at timestamptz NOT NULL DEFAULT now();

-- One row for each process that claims jobs, and for each of its starts.
CREATE TABLE workers (
    id uuid PRIMARY KEY,
    -- Names the session lock that this process holds while it lives.
    number integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    -- Whether it can hold one: not behind a pooler that hands sessions around.
    holds_lock boolean NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    recipe text NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    -- Since when its lock was seen to be free.
    missing_since timestamptz
) WITH (fillfactor = 50);

CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Empty once the realm is deleted; its name stays for the history.
    realm_id bigint REFERENCES realms ON DELETE SET NULL,
    realm text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    from_scratch boolean NOT NULL,
    priority integer NOT NULL,
    -- Its place in line: the time of the request, earlier by a minute for each point of
    -- priority, later by a minute for each job of its tenant that is due by then and no less
    -- wanted. So every job is first one day, and no clock says which comes first.
    rank timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    -- Claims that count against the limit, and all of them.
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL,
    claims integer NOT NULL DEFAULT 0,
    -- The fence of the claim that runs it. Unique and whole, so that to change it is to
    -- change a key, which waits for the FOR KEY SHARE of whoever writes under it. A
    -- heartbeat changes no key, and does not wait.
    token uuid UNIQUE,
    worker_id uuid,
    lease_until timestamptz,
    renewals integer NOT NULL DEFAULT 0,
    phase text NOT NULL DEFAULT 'queued',
    done integer NOT NULL DEFAULT 0,
    total integer NOT NULL DEFAULT 0,
    reused integer NOT NULL DEFAULT 0,
    chunks integer NOT NULL DEFAULT 0,
    loaded integer NOT NULL DEFAULT 0,
    to_load integer NOT NULL DEFAULT 0,
    phase_started_at timestamptz,
    progress_at timestamptz,
    error text,
    error_kind text,
    report jsonb,
    enqueued_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    CHECK ((state = 'running') = (token IS NOT NULL))
) WITH (fillfactor = 50);

-- A request joins the one that nobody has looked at yet.
CREATE UNIQUE INDEX jobs_untouched ON jobs (realm_id) WHERE state = 'pending' AND claims = 0;

-- And of those that were begun, running or between two attempts, a realm has one.
CREATE UNIQUE INDEX jobs_begun ON jobs (realm_id)
WHERE state = 'running' OR (state = 'pending' AND claims > 0);

CREATE INDEX jobs_line ON jobs (rank, id) WHERE state = 'pending';
CREATE INDEX jobs_tenant ON jobs (tenant, rank) WHERE state = 'pending' AND tenant <> '';
-- By what a heartbeat leaves alone, so that it is a heap-only update.
CREATE INDEX jobs_running ON jobs (id) WHERE state = 'running';
CREATE INDEX jobs_realm ON jobs (realm_id, id DESC);
CREATE INDEX jobs_ended ON jobs (finished_at) WHERE finished_at IS NOT NULL;

-- One line for each claim that has ended, in whichever way.
CREATE TABLE attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id bigint NOT NULL REFERENCES jobs ON DELETE CASCADE,
    number integer NOT NULL,
    token uuid NOT NULL,
    worker_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    outcome text NOT NULL,
    error text,
    error_kind text,
    renewals integer NOT NULL,
    done integer NOT NULL,
    total integer NOT NULL,
    reused integer NOT NULL
);

CREATE INDEX attempts_job ON attempts (job_id, id);

-- Which job a pass belongs to, so that the end of the one ends the other.
ALTER TABLE passes ADD COLUMN claim_token uuid;
CREATE INDEX passes_unfinished ON passes (claim_token) WHERE finished_at IS NULL;
