-- Of how many characters a vector is, where the embedder took only the beginning of its text.
ALTER TABLE chunks ADD COLUMN shortened_to integer;
ALTER TABLE waiting_vectors ADD COLUMN shortened_to integer;
