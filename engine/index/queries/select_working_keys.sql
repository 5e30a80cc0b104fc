-- Those of the files that a pass has written already.
SELECT key FROM working_entries WHERE realm_id = $1 AND token = $2 AND key = ANY($3)
