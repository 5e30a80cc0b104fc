-- Realms with rows of passes that began before the limit, and that no pass is over now:
-- a running one holds the session lock of its realm, so that it can't be had here.
SELECT realm_id
FROM (
    SELECT DISTINCT working.realm_id
    FROM working_entries AS working
    LEFT JOIN passes USING (token)
    WHERE passes.started_at IS NULL OR passes.started_at < now() - make_interval(secs => $1)
) AS forsaken
WHERE pg_try_advisory_xact_lock(1464421463, realm_id::int)
