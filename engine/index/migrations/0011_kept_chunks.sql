-- Identifies what a visit came to, so that one which comes to the same again keeps its chunks.
-- NULL where that can't be told; then they are written again.
ALTER TABLE entries ADD COLUMN chunks_hash bytea;
ALTER TABLE working_entries ADD COLUMN chunks_hash bytea;
