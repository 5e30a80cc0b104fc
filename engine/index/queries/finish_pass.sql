UPDATE passes
SET finished_at = now(), error = $2, report = $3, explanations = $4
WHERE token = $1
