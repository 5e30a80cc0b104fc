-- Take the first jobs in line that may run here, and tell when the next one is due. There
-- is always a row; without a job in it, nothing was there to take.
--
-- $1 worker; $2 lease in seconds; $3 how many; $4 kinds of source that this process can
-- open, $5 realms whose source it was handed; $6 the only realms it works for, or null;
-- $7 its recipe.
WITH next AS (
    SELECT jobs.id
    FROM jobs
    WHERE jobs.state = 'pending'
        -- Written so that the index on the time does not serve it, and, below, so that the
        -- realm is looked up for each row: the line is walked in its order until enough is
        -- found. Statistics from before it grew would have all of it read and sorted.
        AND jobs.due_at + interval '0' <= now()
        AND jobs.attempt < jobs.max_attempts
        -- A job that was begun comes before the one that follows it.
        AND (
            jobs.claims > 0
            OR NOT EXISTS (
                SELECT 1
                FROM jobs AS begun
                WHERE begun.realm_id = jobs.realm_id
                    AND (
                        begun.state = 'running' OR (begun.state = 'pending' AND begun.claims > 0)
                    )
            )
        )
        AND EXISTS (
            SELECT 1
            FROM realms
            WHERE realms.id = jobs.realm_id
                AND NOT realms.paused
                AND (realms.source ->> 'kind' = ANY ($4::text[]) OR realms.name = ANY ($5::text[]))
                AND ($6::text[] IS NULL OR realms.name = ANY ($6::text[]))
                -- Old code does not undo what newer code makes, while that is here to go on.
                AND (
                    realms.recipe IN ('', $7)
                    OR NOT EXISTS (
                        SELECT 1
                        FROM workers AS newer
                        JOIN workers AS us ON us.id = $1 AND us.started_at < newer.started_at
                        WHERE newer.recipe = realms.recipe
                            AND newer.missing_since IS NULL
                            AND (
                                newer.beat_at > now() - make_interval(secs => $2)
                                -- While it works, it is its jobs that its heart beats for.
                                OR EXISTS (
                                    SELECT 1
                                    FROM jobs AS busy
                                    WHERE busy.state = 'running'
                                        AND busy.worker_id = newer.id
                                        AND busy.lease_until > now()
                                )
                            )
                    )
                )
            OFFSET 0
        )
    ORDER BY jobs.rank, jobs.id
    LIMIT $3
    FOR NO KEY UPDATE OF jobs SKIP LOCKED
),
claimed AS (
    UPDATE jobs
    SET state = 'running',
        attempt = attempt + 1,
        claims = claims + 1,
        token = gen_random_uuid(),
        worker_id = $1,
        lease_until = now() + make_interval(secs => $2),
        renewals = 0,
        phase = 'queued',
        done = 0,
        total = 0,
        reused = 0,
        chunks = 0,
        loaded = 0,
        to_load = 0,
        phase_started_at = now(),
        progress_at = now(),
        started_at = now()
    FROM next
    WHERE jobs.id = next.id
    RETURNING jobs.id, jobs.realm_id, jobs.realm, jobs.token, jobs.attempt, jobs.max_attempts,
        jobs.claims, jobs.from_scratch
),
notified AS (
    -- Without ids it means that anything may have happened: many are too long to be sent.
    SELECT
        pg_notify(
            'widthwise_jobs',
            'running ' || CASE WHEN count(*) <= 300 THEN string_agg(id::text, ',') ELSE '' END
        ),
        -- A start does not wait for the disk. If the server forgets a claim when it crashes, the
        -- job is in line again and the token means nothing. Whatever is written under the
        -- token takes the claim to the disk with it.
        set_config('synchronous_commit', 'off', true)
    FROM claimed
    HAVING count(*) > 0
)
SELECT
    claimed.*,
    -- Who found enough comes back anyway.
    CASE
        WHEN (SELECT count(*) FROM claimed) < $3 THEN (
            SELECT extract(epoch FROM min(due_at) - now())::float8
            FROM jobs
            WHERE state = 'pending' AND due_at > now()
        )
    END AS next_due_seconds
FROM (SELECT 1) AS always
LEFT JOIN claimed ON true
LEFT JOIN notified ON true
