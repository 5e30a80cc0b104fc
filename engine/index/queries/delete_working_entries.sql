DELETE FROM working_entries WHERE realm_id = $1
