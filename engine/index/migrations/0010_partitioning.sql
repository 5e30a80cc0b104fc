-- What `widthwise partition` needs: see engine/index/partitioning.py. Nothing of it is used before.
-- While the layout of chunks changes, one row tells into how many parts, and up to which chunk
-- they are copied into chunks_staged.
CREATE TABLE partitioning (
    parts integer NOT NULL,
    version bigint NOT NULL DEFAULT -1,
    ordinal integer NOT NULL DEFAULT -1,
    copied boolean NOT NULL DEFAULT false
);

-- Two triggers bring along what is written meanwhile, in the same transaction.
CREATE FUNCTION mirror_inserted_chunks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chunks_staged SELECT * FROM inserted ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE FUNCTION mirror_deleted_chunks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM chunks_staged AS staged USING deleted
    WHERE staged.realm_id = deleted.realm_id
        AND staged.version = deleted.version
        AND staged.ordinal = deleted.ordinal;
    RETURN NULL;
END
$$;

-- No statement of ours changes a chunk. One that will has to be mirrored as well.
CREATE FUNCTION refuse_changed_chunks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'chunks are being partitioned, and % is not mirrored', TG_OP;
END
$$;
