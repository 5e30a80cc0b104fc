r"""Git's wildmatch patterns as regular expressions that match in polynomial time.

`*` and `?` stop at a slash, `**` between slashes crosses them, `[a-z]`, `[!x]` and
`[[:digit:]]` are one character, a backslash quotes. A hostile pattern such as
`*a*a*a*a*b` must not hang a pass, so everything between two stars is an atomic group:
a glob never needs to look for a later place once it has found the first.
"""

import re
from collections.abc import Iterator

_SPECIAL = re.compile(r"[*?\[\\]")
_STAR, _SLASH, _DEEP = "*", "/", "**"

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "\\x21-\\x7e",
    "lower": "a-z",
    "print": "\\x20-\\x7e",
    "punct": "\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e",
    "space": " \\t-\\r",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class _NeverMatches(Exception):
    """The pattern is malformed; git takes it as one that nothing matches."""


def literal_of(pattern: str) -> str | None:
    """The only path that the pattern matches, if it has no wildcard."""
    return None if _SPECIAL.search(pattern) else pattern


def regex_of(pattern: str) -> str | None:
    """An expression for `fullmatch` without capturing groups; None when nothing can match."""
    # Git compares the part before the first wildcard by itself and matches the rest as a
    # pattern of its own, so that `a**/b` crosses slashes although `**` follows a letter.
    first = _SPECIAL.search(pattern)
    start = first.start() if first else len(pattern)
    try:
        tokens = list(_tokens(pattern[start:]))
    except _NeverMatches:
        return None
    return re.escape(pattern[:start]) + _assemble(tokens)


def _assemble(tokens: list[str]) -> str:
    *groups, last = _split(tokens, _DEEP)
    if not groups:
        return _path(last)
    first, *middle = groups
    crossing = "".join(f"(?>(?:[^/]*/)*?{_path(group)})" for group in middle)
    tail = _path(last) if last else ".*"
    return f"{_path(first)}{crossing}(?:[^/]*/)*{tail}"


def _path(tokens: list[str]) -> str:
    return "/".join(_segment(segment) for segment in _split(tokens, _SLASH))


def _segment(tokens: list[str]) -> str:
    first, *rest = ("".join(piece) for piece in _split(tokens, _STAR))
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>[^/]*?{piece})" for piece in middle if piece) + f"[^/]*{last}"


def _split(tokens: list[str], separator: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token == separator:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _tokens(pattern: str) -> Iterator[str]:
    """Stars, slashes, and expressions that match exactly one character."""
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            token, at = _stars(pattern, at)
            yield token
            continue
        if char == "[":
            token, at = _bracket(pattern, at)
            yield token
            continue
        if char == "\\":
            at += 1
            if at == len(pattern):
                raise _NeverMatches
            char = pattern[at]
            yield char if char == "/" else re.escape(char)
        else:
            yield "[^/]" if char == "?" else char if char == "/" else re.escape(char)
        at += 1


def _stars(pattern: str, at: int) -> tuple[str, int]:
    end = at
    while pattern[end : end + 1] == "*":
        end += 1
    whole_part = (at == 0 or pattern[at - 1] == "/") and pattern[end : end + 1] in ("", "/")
    if end - at == 1 or not whole_part:
        return _STAR, end
    return _DEEP, min(end + 1, len(pattern))


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """The class that opens at `at`, and where the pattern goes on."""
    at += 1
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    members: list[str] = []
    previous = ""
    first = True
    while first or pattern[at : at + 1] != "]":
        first = False
        members_of, previous, at = _member(pattern, at, previous)
        members.append(members_of)
    inside = "".join(members)
    if negated:
        return f"[^/{inside}]", at + 1
    return (f"(?!/)[{inside}]" if inside else "(?!)"), at + 1


def _member(pattern: str, at: int, previous: str) -> tuple[str, str, int]:
    """One member of a class: its expression, what a range after it starts at, where it ends."""
    char = pattern[at : at + 1]
    if char == "[" and pattern[at + 1 : at + 2] == ":":
        named = _named_class(pattern, at)
        if named:
            return named
    if char == "-" and previous and pattern[at + 1 : at + 2] not in ("", "]"):
        last, end = _quoted(pattern, at + 1)
        members = f"{_in_class(previous)}-{_in_class(last)}" if previous <= last else ""
        return members, "", end
    char, end = _quoted(pattern, at)
    return _in_class(char), char, end


def _named_class(pattern: str, at: int) -> tuple[str, str, int] | None:
    end = pattern.find("]", at + 2)
    if end < 0:
        raise _NeverMatches
    if end - (at + 2) < 1 or pattern[end - 1] != ":":
        return None
    name = pattern[at + 2 : end - 1]
    if name not in _CLASSES:
        raise _NeverMatches
    return _CLASSES[name], "", end + 1


def _quoted(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at : at + 1] == "\\":
        at += 1
    if at >= len(pattern):
        raise _NeverMatches
    return pattern[at], at + 1


def _in_class(char: str) -> str:
    return re.escape(char) if char.isalnum() else f"\\x{ord(char):02x}"
