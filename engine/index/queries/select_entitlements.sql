-- Statements that give $1 and its partitions the owner and the privileges that chunks has now.
WITH granted AS (
    SELECT acl.grantee, acl.privilege_type, acl.is_grantable, NULL::name AS column_name
    FROM pg_class, aclexplode(relacl) AS acl
    WHERE oid = 'chunks'::regclass AND acl.grantee <> relowner
    UNION ALL
    SELECT acl.grantee, acl.privilege_type, acl.is_grantable, attname
    FROM pg_attribute, aclexplode(attacl) AS acl
    WHERE attrelid = 'chunks'::regclass AND NOT attisdropped
),
owned AS (
    SELECT oid::regclass AS name
    FROM pg_class
    WHERE relowner <> (SELECT relowner FROM pg_class WHERE oid = 'chunks'::regclass)
        AND (
            oid = to_regclass($1)
            OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass($1))
        )
)
SELECT format(
    'ALTER TABLE %s OWNER TO %I',
    name, (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'chunks'::regclass)
) AS statement
FROM owned
UNION ALL
SELECT format(
    'GRANT %s%s ON %I TO %s%s',
    privilege_type,
    ' (' || quote_ident(column_name) || ')',
    $1,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END
)
FROM granted
-- The owner comes first.
ORDER BY statement
