-- Forget requests that nobody repeats any more: those asked before $1 seconds.
DELETE FROM requests WHERE asked_at < now() - make_interval(secs => $1)
