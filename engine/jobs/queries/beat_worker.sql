-- Alive, and with its lock, if it has one. False when the row is gone.
UPDATE workers SET beat_at = now(), missing_since = NULL, holds_lock = $2 WHERE id = $1
RETURNING number
