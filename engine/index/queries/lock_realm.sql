-- Before its jobs, as every write of a pass does it, so that the two never wait in a circle.
SELECT 1 FROM realms WHERE id = $1 FOR UPDATE
