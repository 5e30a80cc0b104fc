SELECT key, visited, why, cause, names FROM explanations WHERE realm_id = $1 AND key = $2
