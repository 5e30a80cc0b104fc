INSERT INTO definition_generations (scope, generation)
VALUES ($1, 0)
ON CONFLICT (scope) DO NOTHING
