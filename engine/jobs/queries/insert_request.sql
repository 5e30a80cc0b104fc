-- Note a request by its key $1; nothing if there is one, whose transaction is waited for.
INSERT INTO requests (id) VALUES ($1) ON CONFLICT (id) DO NOTHING RETURNING true
