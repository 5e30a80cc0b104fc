"""Find the imported names that a piece of text uses, without parsing it."""

import re
from collections.abc import Callable, Iterable

from engine.languages.language import Reference

_DOTTED = re.compile(r"[\w$]+(?:\.[\w$]+)*")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$")
_COMMON_BEFORE = frozenset(" \n([{=,@")
_ALL_DOTTED = re.compile(r"(?<![\w$.])[^\W\d][\w$]*(?:\.[\w$]+)*")


def names_bound_by(references: Iterable[Reference]) -> Callable[[str], tuple[str, ...]]:
    """A function that lists the dotted identifiers in a text that `references` bind.

    It reads names in comments and strings too: one name too many costs a look at a
    definition, one too few would lose a dependency.
    """
    locals_ = {binding.local for reference in references for binding in reference.bindings}
    if "*" in locals_:
        return _all_names
    heads = sorted({local.partition(".")[0] for local in locals_} - {""})
    return lambda text: _names_with(heads, text)


def _all_names(text: str) -> tuple[str, ...]:
    return tuple(sorted(set(_ALL_DOTTED.findall(text))))


def _names_with(heads: Iterable[str], text: str) -> tuple[str, ...]:
    """Plain searching: a pattern for each head would cost more to compile than it saves."""
    found: set[str] = set()
    for head in heads:
        at = text.find(head)
        while at >= 0:
            end = at + len(head)
            # Most hits are parts of longer names, and one character tells.
            if text[end : end + 1] not in _WORD and _starts_name(text, at):
                found.add(_name_at(text, at, head))
            at = text.find(head, end)
    found.discard("")
    return tuple(sorted(found))


def _name_at(text: str, at: int, head: str) -> str:
    match = _DOTTED.match(text, at)
    name = match.group() if match else ""
    return name if name == head or name.startswith(head + ".") else ""


def _starts_name(text: str, at: int) -> bool:
    before = text[at - 1 : at]
    if before in _COMMON_BEFORE:
        return True
    if before == ".":
        return text[at - 2 : at] == ".."
    return not (before.isalnum() or before in {"_", "$"})
