"""Path globs as Postgres regular expressions. Pure."""

import re

_SPECIAL = re.compile(r"\*\*/|\*\*|\*|\?|.", re.DOTALL)
_PARTS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def glob_pattern(glob: str) -> str:
    """A pattern for `key ~ $1` that matches what the glob does, and nothing else.

    `*` and `?` stay within one folder, `**` crosses folders. A glob that ends in a slash
    means all that is below; every other character stands for itself.
    """
    whole = glob + "**" if glob.endswith("/") else glob
    return "^" + "".join(_part(part) for part in _SPECIAL.findall(whole)) + "$"


def _part(part: str) -> str:
    if part in _PARTS:
        return _PARTS[part]
    return part if part.isalnum() or part in "/_-" else "\\" + part
