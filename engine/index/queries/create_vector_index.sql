CREATE INDEX CONCURRENTLY "{name}" ON "{part}"
USING hnsw ((embedding::halfvec({dimension})) halfvec_cosine_ops)
WHERE embedder_id = {embedder_id} AND vector_dims(embedding) = {dimension}
