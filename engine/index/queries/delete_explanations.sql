DELETE FROM explanations WHERE realm_id = $1
