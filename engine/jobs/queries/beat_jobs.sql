-- Renew the leases of all jobs of a process and carry their progress out. A claim that
-- is not returned is no longer its job's. A lease that is over can be renewed while nobody has
-- taken the job: the token tells.
WITH beats AS (
    SELECT *
    FROM unnest(
        $1::bigint[], $2::uuid[], $4::text[], $5::int[], $6::int[], $7::int[], $8::int[],
        $9::int[], $10::int[], $11::bool[]
    ) AS beat (id, token, phase, done, total, reused, chunks, loaded, to_load, moved)
)
UPDATE jobs
SET lease_until = now() + make_interval(secs => $3),
    renewals = renewals + 1,
    phase_started_at = CASE WHEN jobs.phase = beats.phase THEN phase_started_at ELSE now() END,
    phase = beats.phase,
    done = beats.done,
    total = beats.total,
    reused = beats.reused,
    chunks = beats.chunks,
    loaded = beats.loaded,
    to_load = beats.to_load,
    progress_at = CASE WHEN beats.moved THEN now() ELSE progress_at END
FROM beats
WHERE jobs.id = beats.id AND jobs.token = beats.token AND jobs.state = 'running'
RETURNING jobs.token
