INSERT INTO workers (id, holds_lock, host, pid, recipe, started_at, beat_at)
VALUES ($1, $2, $3, $4, $5, now(), now())
RETURNING number
