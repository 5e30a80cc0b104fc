-- Of one moment, so that what is written meanwhile is in both or in neither.
SELECT count(*)
FROM (SELECT realm_id, count(*) AS chunks FROM chunks GROUP BY realm_id) AS live
FULL JOIN (
    SELECT realm_id, count(*) AS chunks FROM chunks_staged GROUP BY realm_id
) AS staged USING (realm_id)
WHERE live.chunks IS DISTINCT FROM staged.chunks
