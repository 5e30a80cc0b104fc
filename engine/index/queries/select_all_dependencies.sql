SELECT key, dependencies FROM entries WHERE realm_id = $1
