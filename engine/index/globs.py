"""Path globs as Postgres regular expressions, and as words of what they match. Pure."""

import re

from engine.index.terms import NAME_CHARS, query_terms

_SPECIAL = re.compile(r"\*\*/|\*\*|\*|\?|.", re.DOTALL)
_PARTS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def glob_pattern(glob: str) -> str:
    """A pattern for `key ~ $1` that matches what the glob does, and nothing else.

    `*` and `?` stay within one folder, `**` crosses folders. A glob that ends in a slash
    means all that is below; every other character stands for itself.
    """
    whole = glob + "**" if glob.endswith("/") else glob
    return "^" + "".join(_part(part) for part in _SPECIAL.findall(whole)) + "$"


def glob_words(glob: str) -> list[str]:
    """Terms that the path of whatever matches has, up to the first wildcard.

    What is behind that may be so far down a path that it is not searched.
    """
    head = re.split(r"[*?]", glob, maxsplit=1)[0][:NAME_CHARS]
    # The last word may go on where the wildcard stands.
    whole = head if head == glob else re.sub(r"\w*$", "", head)
    return query_terms(whole)


def _part(part: str) -> str:
    if part in _PARTS:
        return _PARTS[part]
    return part if part.isalnum() or part in "/_-" else "\\" + part
