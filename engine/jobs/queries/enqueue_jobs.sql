-- For each realm, join the job that waits, or add one. A job that runs has looked at the
-- files already, so it is not joined: the new one follows it.
--
-- $1 realms, sorted and without twins: two requests for the same realms lock them in
-- the same order; $2 from scratch; $3 priority; $4 delay in seconds; $5 attempt limit.
WITH waiting AS (
    SELECT id
    FROM jobs
    -- By the two unique indexes, and as an array: neither the history of these realms is
    -- read nor the line of all others, whatever the statistics say. Of two that a realm may
    -- have, the one that is left alone can be claimed while this transaction goes on.
    WHERE id = ANY (
            ARRAY(
                SELECT DISTINCT ON (realm_id) id
                FROM (
                    SELECT id, realm_id, claims
                    FROM jobs
                    WHERE realm_id = ANY ($1::bigint[]) AND state = 'pending' AND claims = 0
                    UNION ALL
                    SELECT id, realm_id, claims
                    FROM jobs
                    WHERE realm_id = ANY ($1::bigint[])
                        AND (state = 'running' OR (state = 'pending' AND claims > 0))
                ) AS known
                ORDER BY realm_id, claims
            )
        )
        AND state = 'pending'
    ORDER BY realm_id
    FOR UPDATE
),
joined AS (
    UPDATE jobs
    SET from_scratch = from_scratch OR $2,
        rank = rank - make_interval(mins => greatest($3 - priority, 0)) - CASE
            WHEN claims = 0 THEN greatest(due_at - now() - make_interval(secs => $4), interval '0')
            ELSE interval '0'
        END,
        priority = greatest(priority, $3),
        due_at = CASE
            WHEN claims = 0 THEN least(due_at, now() + make_interval(secs => $4))
            ELSE due_at
        END
    FROM waiting
    WHERE jobs.id = waiting.id
    RETURNING jobs.id, jobs.realm_id
),
-- Whoever is deleting one is waited for here: as a missing row, not as a broken reference.
asked AS (
    SELECT id, name, tenant
    FROM realms
    WHERE id = ANY ($1::bigint[])
        AND NOT EXISTS (SELECT 1 FROM joined WHERE joined.realm_id = realms.id)
    ORDER BY id
    FOR KEY SHARE
),
inserted AS (
    INSERT INTO jobs (
        realm_id, realm, tenant, state, from_scratch, priority, rank, due_at, max_attempts,
        enqueued_at
    )
    SELECT
        realms.id,
        realms.name,
        realms.tenant,
        'pending',
        $2,
        $3,
        CASE
            WHEN realms.tenant = '' THEN now() - make_interval(mins => $3) + make_interval(secs => $4)
            ELSE greatest(
                now() - make_interval(mins => $3) + make_interval(secs => $4),
                (
                    SELECT max(rank) + interval '1 minute'
                    FROM jobs
                    WHERE state = 'pending'
                        AND tenant <> ''
                        AND tenant = realms.tenant
                        -- What was put off for longer, or is wanted more or less, is in
                        -- another place in line, and moves nothing to there.
                        AND priority = $3
                        AND due_at <= now() + make_interval(secs => $4)
                )
            ) + (row_number() OVER (PARTITION BY realms.tenant ORDER BY realms.id) - 1)
                * interval '1 minute'
        END,
        now() + make_interval(secs => $4),
        $5,
        now()
    FROM asked AS realms
    ORDER BY realms.id
    -- Somebody was quicker between the look and the insert.
    ON CONFLICT (realm_id) WHERE state = 'pending' AND claims = 0 DO UPDATE
    SET from_scratch = jobs.from_scratch OR excluded.from_scratch,
        priority = greatest(jobs.priority, excluded.priority),
        rank = least(jobs.rank, excluded.rank),
        due_at = least(jobs.due_at, excluded.due_at)
    RETURNING id, realm_id, xmax = 0 AS is_new
),
found AS (
    SELECT id, realm_id, false AS is_new FROM joined
    UNION ALL
    SELECT id, realm_id, is_new FROM inserted
),
-- One for the whole statement: a notification makes commits wait for each other.
notified AS (
    SELECT pg_notify('widthwise_jobs', 'pending ' || string_agg(id::text, ','))
    FROM (SELECT id FROM found WHERE is_new ORDER BY id LIMIT 300) AS news
    HAVING count(*) > 0
)
SELECT found.id, found.realm_id, found.is_new FROM found LEFT JOIN notified ON true
