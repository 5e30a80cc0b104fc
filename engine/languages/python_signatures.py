"""The normal form of a piece of Python: one line that layout, comments and quotes don't change.

Knows tokens only, so that it also serves code which does not parse.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b

_TOKEN = re.compile(
    r"""
    (?P<skipped> \#[^\r\n]* | \\?\s+ )
    | (?P<string> [bBrRuUfFtT]{0,2} (?:
        \"{3}(?:[^\\]|\\.)*?\"{3} | '{3}(?:[^\\]|\\.)*?'{3}
        | "(?:[^"\\\r\n]|\\.)*" | '(?:[^'\\\r\n]|\\.)*' ) )
    | (?P<word> \w+(?:\.\w+)* )
    | (?P<sign> ->|\*\*|\.\.\.|:=|[=!<>]=|//|. )
    """,
    re.VERBOSE | re.DOTALL,
)
# Most headers: names in brackets, written as the normal form would write them.
_PLAIN_NAMES = re.compile(r"\((?:\*{0,2}[^\W\d][\w.]*(?:, \*{0,2}[^\W\d][\w.]*)*)?\):?")
_PLAIN_STRING = re.compile(r"([bBrRuUfFtT]*)'([^'\"]*)'")
_INTEGER = re.compile(r"0[xX][\da-fA-F_]{1,32}|0[oO][0-7_]{1,32}|0[bB][01_]{1,64}")
# In a string of several lines: all that `splitlines` breaks at.
_LINE_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SPACED = frozenset({"->", "|", "if", "else", "lambda", "for", "in", "is", "and", "or", "not"})
_LONGEST_CACHED = 200
_LONGEST = 2_000
_CLOSERS = {"(": ")", "[": "]", "{": "}"}


def normal_form(text: str) -> str:
    """`text` in one line, with one way to set blanks, quotes, numbers and trailing commas.

    A form that is too long is cut, and told apart by its hash.
    """
    if len(text) <= _LONGEST_CACHED:
        return _cached_form(text)
    form = _form(text)
    if len(form) <= _LONGEST:
        return form
    return f"{form[:_LONGEST]}... {blake2b(form.encode(), digest_size=8).hexdigest()}"


def _form(text: str) -> str:
    if _PLAIN_NAMES.fullmatch(text):
        return text
    line: list[str] = []
    previous = ""
    for word in _without_trailing_commas(list(_tokens(text))):
        if _blank_between(previous, word):
            line.append(" ")
        line.append(word)
        previous = word
    return "".join(line)


# Most headers are a few: `(self)`, `(self, request)`.
_cached_form = lru_cache(maxsize=8192)(_form)


def _tokens(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "string":
            yield _LINE_BREAK.sub(_escaped, _PLAIN_STRING.sub(r'\1"\2"', match.group()))
        elif match.lastgroup == "word" and _INTEGER.fullmatch(match.group()):
            yield _decimal(match.group())
        elif match.lastgroup != "skipped":
            yield match.group()


def _escaped(found: re.Match[str]) -> str:
    return repr(found.group())[1:-1]


def _decimal(number: str) -> str:
    try:
        return str(int(number, 0))
    except ValueError:  # underscores in the wrong place
        return number


def _without_trailing_commas(words: list[str]) -> Iterator[str]:
    """Leave out the comma before a closing bracket, unless it is what makes a tuple."""
    opened: list[tuple[str, bool, int]] = []  # bracket, whether a value stands before it, commas
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if word in _CLOSERS:
            opened.append((word, _ends_value(words[index - 1] if index else ""), 0))
        elif opened and word == _CLOSERS[opened[-1][0]]:
            opened.pop()
        elif opened and word == ",":
            bracket, behind_value, commas = opened[-1]
            opened[-1] = (bracket, behind_value, commas + 1)
            if following == _CLOSERS[bracket] and not _makes_tuple(*opened[-1], index=index):
                continue
        yield word


def _makes_tuple(bracket: str, behind_value: bool, commas: int, *, index: int) -> bool:
    """`(1,)` and `x[1,]` are tuples; `f(1,)`, `[1,]` and a parameter list are not."""
    if commas > 1 or bracket == "{":
        return False
    return behind_value == (bracket == "[")


def _ends_value(word: str) -> bool:
    return word == "" or word[-1] in ")]}" or word[-1].isalnum() or word[-1] in "_\"'"


def _blank_between(previous: str, word: str) -> bool:
    if previous in {",", ":"} or word in _SPACED or previous in _SPACED:
        return previous not in {"", "(", "["} and word not in {",", ")", "]", ":"}
    return _is_word(previous[-1:]) and _is_word(word[:1])


def _is_word(character: str) -> bool:
    return character.isalnum() or (character != "" and character in "_\"'")
