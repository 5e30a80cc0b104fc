-- The request $1 came to the job $2.
UPDATE requests SET job_id = $2 WHERE id = $1
