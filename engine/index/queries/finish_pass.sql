UPDATE passes SET finished_at = now(), error = $2, report = $3 WHERE token = $1
