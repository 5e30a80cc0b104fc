-- The job that the request $1 came to.
SELECT job_id FROM requests WHERE id = $1
