-- A process that is frozen inside a transaction, or cut off, keeps rows from everybody else
-- for as long as its session lasts. None that lives lets the server wait for $1 seconds. The
-- state alone would not tell: between two parts of one statement a session is active.
SELECT count(pg_terminate_backend(pid))
FROM pg_stat_activity
WHERE application_name LIKE 'widthwise %'
    AND datname = current_database()
    AND state <> 'idle'
    AND wait_event = 'ClientRead'
    AND state_change < now() - make_interval(secs => $1)
