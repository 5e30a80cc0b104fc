SELECT EXISTS (SELECT 1 FROM chunks WHERE embedder_id = $1)
