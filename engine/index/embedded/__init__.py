"""A Postgres with pgvector that lives in a folder and runs while somebody uses it."""

from engine.index.embedded.attach import embedded_postgres
from engine.index.embedded.failure import EmbeddedPostgresError
from engine.index.embedded.running import running_postgres

__all__ = ["EmbeddedPostgresError", "embedded_postgres", "running_postgres"]
