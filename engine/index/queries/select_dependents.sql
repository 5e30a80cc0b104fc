SELECT key FROM entries WHERE realm_id = $1 AND dependencies @> ARRAY[$2] ORDER BY key
