DELETE FROM working_entries WHERE realm_id = ANY ($1::bigint[])
