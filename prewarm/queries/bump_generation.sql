INSERT INTO definition_generations AS scoped (scope, generation)
VALUES ($1, 1)
ON CONFLICT (scope) DO UPDATE SET generation = scoped.generation + 1
RETURNING generation
