-- From here on the realm's earlier passes can neither write nor swap. Tells whether they have
-- left rows that never became live.
WITH ours AS (
    SELECT realms.id
    FROM realms
    JOIN jobs ON jobs.id = $3 AND jobs.token = $4 AND jobs.state = 'running'
    WHERE realms.id = $1
    FOR NO KEY UPDATE OF realms
    FOR KEY SHARE OF jobs
),
begun AS (
    UPDATE realms SET pass_token = $2 FROM ours WHERE realms.id = ours.id RETURNING realms.id
)
INSERT INTO passes (realm_id, token, claim_token) SELECT id, $2, $4 FROM begun
RETURNING id,
    EXISTS (SELECT FROM working_entries AS working WHERE working.realm_id = $1) AS inherits
