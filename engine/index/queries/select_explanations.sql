-- Of the last pass that ended well.
SELECT explained.key, explained.value
FROM (
    SELECT explanations
    FROM passes
    WHERE realm_id = $1 AND finished_at IS NOT NULL AND error IS NULL
    ORDER BY id DESC
    LIMIT 1
) AS last_pass
CROSS JOIN jsonb_each(last_pass.explanations) AS explained
WHERE explained.key = ANY ($2::text[])
