-- They are told of the last pass alone.
UPDATE passes SET explanations = NULL
WHERE realm_id = $1 AND token <> $2 AND explanations IS NOT NULL
