-- The views that stand on the chunks, which can't go as long as there are any.
SELECT DISTINCT rules.ev_class::regclass::text AS name
FROM pg_depend AS depends
JOIN pg_rewrite AS rules ON rules.oid = depends.objid
WHERE depends.classid = 'pg_rewrite'::regclass
    AND depends.refobjid = 'chunks'::regclass
    AND rules.ev_class <> 'chunks'::regclass
ORDER BY name
