-- Realms that nobody has compared with their source for so long: taken, so that no other
-- process does it too. Not those with a job in line or paused ones, nor those that were
-- never indexed. A realm whose jobs fail one after another is left in peace for a minute,
-- then two, four, and so on, for a day at most.
--
-- $1 seconds; $2 kinds of source, $3 realms whose source was handed to this process; $4 the
-- only realms it works for, or null; $5 how many.
UPDATE realms
SET reconciled_at = now()
WHERE id IN (
    SELECT realms.id
    FROM realms
    LEFT JOIN LATERAL (
        SELECT count(*) AS failures, max(finished_at) AS failed_at
        FROM jobs
        WHERE jobs.realm_id = realms.id
            AND state = 'failed'
            AND id > coalesce(
                (SELECT max(id) FROM jobs AS good WHERE good.realm_id = realms.id AND good.state = 'succeeded'),
                0
            )
    ) AS parked ON true
    WHERE reconciled_at < now() - make_interval(secs => $1)
        AND NOT paused
        AND (generation > 0 OR parked.failures > 0)
        AND (source ->> 'kind' = ANY ($2::text[]) OR name = ANY ($3::text[]))
        AND ($4::text[] IS NULL OR name = ANY ($4::text[]))
        AND NOT EXISTS (
            SELECT 1 FROM jobs WHERE jobs.realm_id = realms.id AND state IN ('pending', 'running')
        )
        AND (
            parked.failures = 0
            OR parked.failed_at
                < now() - least(interval '1 day', interval '1 minute' * 2 ^ least(parked.failures - 1, 20))
        )
    ORDER BY reconciled_at
    LIMIT $5
    FOR NO KEY UPDATE OF realms SKIP LOCKED
)
RETURNING id, name, recipe
