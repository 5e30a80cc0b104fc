DELETE FROM chunks WHERE realm_id = $1
