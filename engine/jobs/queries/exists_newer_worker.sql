-- Whether a worker that started after us makes indexes by this recipe: then it is ours
-- that is old.
SELECT EXISTS (
    SELECT 1
    FROM workers AS newer
    JOIN workers AS us ON us.id = $1 AND us.started_at < newer.started_at
    WHERE newer.recipe = $2
        AND newer.missing_since IS NULL
        AND (
            newer.beat_at > now() - make_interval(secs => $3)
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
