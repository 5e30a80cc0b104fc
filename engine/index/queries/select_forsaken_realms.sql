-- Realms with rows of passes that began before the limit, and that no pass is over now.
SELECT realm_id
FROM (
    SELECT DISTINCT working.realm_id
    FROM working_entries AS working
    LEFT JOIN passes USING (token)
    WHERE passes.started_at IS NULL OR passes.started_at < now() - make_interval(secs => $1)
) AS forsaken
WHERE NOT EXISTS (
    SELECT 1 FROM jobs WHERE jobs.realm_id = forsaken.realm_id AND jobs.state = 'running'
)
