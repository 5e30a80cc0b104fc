"""The normal form of a piece of JavaScript or TypeScript. Knows tokens, not syntax.

Two pieces that differ in blanks, comments, quotes, separators or line breaks only have
the same form. A piece is a signature or a part of one; it never holds a body.
"""

import re
from collections.abc import Iterator
from hashlib import blake2b

_TOKEN = re.compile(
    r"""(?P<comment>//[^\r\n]*|/\*(?:.*?\*/|.*))
    |(?P<break>[\r\n]\s*)
    |[ \t\f\v\xa0\ufeff]+
    |"(?:[^"\\\r\n]|\\.)*+"?|'(?:[^'\\\r\n]|\\.)*+'?|`(?:[^`\\]|\\.)*+`?
    |[\w$\#@]+|=>|\.\.\.|\S""",
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"[\w$#@\"'`]")
_PLAIN_STRING = re.compile(r"'([^'\"\\]*)'")
_INSIDE_A_TYPE = frozenset({"extends", "is", "as", "in", "satisfies", "infer", "keyof"})
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_CLOSING = frozenset(")]}>")
_NO_BLANK_BEFORE = frozenset(",;)].?:>!<")
_NO_BLANK_AFTER = frozenset("([.<!") | {"..."}
_OPERAND_FOLLOWS = frozenset({"", "=", "(", ":", "<", ",", "=>", "["})
_LONGEST = 2_000


def normal_form(text: str) -> str:
    """`text` in one line. A form that is too long is cut, and told apart by its hash."""
    form = "".join(_spaced(_without_leading_operators(_without_trailing(_tokens(text)))))
    if len(form) <= _LONGEST:
        return form
    digest = blake2b(form.encode(), digest_size=8).hexdigest()
    return f"{form[:_LONGEST]}... {digest}"


def _tokens(text: str) -> Iterator[str]:
    """The tokens without comments. In braces `,`, `;` and the end of a line all become `,`."""
    around: list[str] = []
    previous, broken = "", False
    for match in _TOKEN.finditer(text):
        part = match[0]
        if match.lastgroup == "break":
            broken = True
        if match.lastgroup or part.isspace():
            continue
        if around and around[-1] == "{":
            if broken and _ends_member(previous, part):
                yield ","
            part = "," if part == ";" else part
        if part in _PAIRS:
            around.append(part)
        elif around and part == _PAIRS[around[-1]]:
            around.pop()
        plain = _PLAIN_STRING.fullmatch(part)
        previous, broken = part, False
        yield f'"{plain[1]}"' if plain else " ".join(part.split())


def _ends_member(previous: str, part: str) -> bool:
    """Whether a line break between the two ends a member that has no separator."""
    if part in _INSIDE_A_TYPE or previous in _INSIDE_A_TYPE or not previous:
        return False
    ends = previous in _CLOSING or _WORD.match(previous) is not None
    return ends and (part == "[" or _WORD.match(part) is not None)


def _without_trailing(tokens: Iterator[str]) -> Iterator[str]:
    """Drop separators at the end and in front of what closes."""
    waiting = False
    for part in tokens:
        if part in {",", ";"}:
            waiting = True
            continue
        if waiting and part not in _CLOSING:
            yield ","
        waiting = False
        yield part


def _without_leading_operators(tokens: Iterator[str]) -> Iterator[str]:
    """Drop a `|` or `&` in front of the first member of a union or intersection."""
    previous = ""
    for part in tokens:
        if part in {"|", "&"} and previous in _OPERAND_FOLLOWS:
            continue
        previous = part
        yield part


def _spaced(tokens: Iterator[str]) -> Iterator[str]:
    previous = ""
    for part in tokens:
        if previous and _has_blank(previous, part):
            yield " "
        previous = part
        yield part


def _has_blank(previous: str, part: str) -> bool:
    if previous in _NO_BLANK_AFTER or part in _NO_BLANK_BEFORE or previous + part == "{}":
        return False
    if part in _PAIRS and part != "{":
        return not (previous in _CLOSING or _WORD.match(previous))
    return True
