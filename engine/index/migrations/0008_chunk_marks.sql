-- What a chunk can be narrowed to inside the index of words, so that a common word is not read to
-- its end: its realm, its kind, the words of its symbol (which have no slash), and a part of all
-- chunks. One chunk in 16 is in the first part, and one in 64 in a smaller one within that; those
-- of a file are next to each other, and so spread over all.
CREATE FUNCTION chunk_marks(
    realm_id bigint, version bigint, ordinal integer, kind text, terms tsvector
) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN tsvector_to_array(ts_filter(terms, '{a}'))
    || ARRAY['realm/' || realm_id::text, 'kind/' || kind]
    || CASE
        WHEN (hashint8(version) # ordinal) & 63 = 0 THEN ARRAY['part/64', 'part/16']
        WHEN (hashint8(version) # ordinal) & 15 = 0 THEN ARRAY['part/16']
        ELSE ARRAY['part/1']
    END;

CREATE INDEX chunks_words ON chunks
USING gin (terms, chunk_marks(realm_id, version, ordinal, kind, terms));

DROP INDEX chunks_terms;
