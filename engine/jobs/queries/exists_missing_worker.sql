SELECT EXISTS (
    SELECT 1
    FROM jobs
    JOIN workers ON workers.id = jobs.worker_id
    WHERE jobs.state = 'running' AND workers.missing_since IS NOT NULL
)
