SELECT EXISTS (SELECT 1 FROM chunks WHERE embedder_id = $1)
    OR EXISTS (SELECT 1 FROM waiting_vectors WHERE embedder_id = $1)
