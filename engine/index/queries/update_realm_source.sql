-- Another kind of source reads the same files in another way: nothing of it is current.
UPDATE realms
SET source = $2::jsonb,
    recipe = CASE WHEN source ->> 'kind' = $2::jsonb ->> 'kind' THEN recipe ELSE '' END
WHERE id = $1
