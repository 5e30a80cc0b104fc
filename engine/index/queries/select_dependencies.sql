SELECT key, dependencies FROM entries WHERE realm_id = $1 AND key = ANY ($2::text[])
