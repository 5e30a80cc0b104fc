"""The SQL of the jobs."""

from engine.sql_files import read_statement


def query(name: str) -> str:
    """The text of `queries/<name>.sql`."""
    return read_statement("engine.jobs", name)
