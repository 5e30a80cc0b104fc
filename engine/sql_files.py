"""SQL kept as files, one statement each, read once."""

from functools import cache
from importlib.resources import files


@cache
def read_statement(package: str, name: str) -> str:
    """The text of `queries/<name>.sql` in a package."""
    return files(package).joinpath(f"queries/{name}.sql").read_text("utf-8")
