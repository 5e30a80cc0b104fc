SELECT key FROM entries WHERE realm_id = $1 AND probes && $2::text[]
