-- How many parts hold the live chunks, and how far a change of that has come, if one was begun.
SELECT
    greatest(
        1, (SELECT count(*) FROM pg_inherits WHERE inhparent = 'chunks'::regclass)
    )::integer AS live,
    (SELECT parts FROM partitioning) AS staged,
    coalesce((SELECT copied FROM partitioning), false) AS copied
