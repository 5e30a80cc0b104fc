-- By the vector of one fixed text a model is noticed that became another under its name. Then
-- it counts as a new edition, whose vectors have a number of their own.
ALTER TABLE embedders
    ADD COLUMN edition integer NOT NULL DEFAULT 1,
    ADD COLUMN sample halfvec;
