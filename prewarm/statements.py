"""The SQL of this package, one statement a file, read once."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of `queries/<name>.sql`."""
    return files("prewarm").joinpath("queries", f"{name}.sql").read_text("utf-8")
