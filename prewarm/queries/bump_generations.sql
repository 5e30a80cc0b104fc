UPDATE definition_generations SET generation = generation + 1
RETURNING scope, generation
