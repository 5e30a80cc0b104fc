-- Workers that have been silent for so long, and that no running job names.
DELETE FROM workers
WHERE beat_at < now() - make_interval(secs => $1)
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE worker_id = workers.id AND state = 'running')
