-- Taken in the transaction of every write of a pass, before it writes: the realm is still
-- this pass's, and the job still this claim's. The locks make whoever takes either of them
-- over wait for this transaction, so none is half behind it; heartbeats do not wait.
SELECT 1
FROM realms
JOIN jobs ON jobs.id = $3 AND jobs.token = $4 AND jobs.state = 'running'
WHERE realms.id = $1 AND realms.pass_token = $2
FOR SHARE OF realms
FOR KEY SHARE OF jobs
