"""The SQL of the index, one statement a file, read once."""

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> str:
    """The text of `queries/<name>.sql`."""
    return files("engine.index").joinpath(f"queries/{name}.sql").read_text("utf-8")
