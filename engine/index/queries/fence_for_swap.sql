-- As in every write, but nobody else may be writing. Requests for jobs, which refer to the
-- realm, do not wait for a swap. The job is asked at the swap's end, when it is settled.
SELECT generation + 1 FROM realms WHERE id = $1 AND pass_token = $2 FOR NO KEY UPDATE
