-- What can be filtered by, beside the text of the chunks: see Engine.cards. Belongs to the version.
ALTER TABLE entries ADD COLUMN document jsonb;
ALTER TABLE working_entries ADD COLUMN document jsonb;

CREATE INDEX entries_document ON entries USING gin (document jsonb_path_ops)
WHERE document IS NOT NULL;
