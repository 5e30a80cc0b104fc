"""Find the imported names that a piece of text uses, without parsing it."""

import re
from collections.abc import Callable, Iterable

from engine.languages.language import Reference

_DOTTED = re.compile(r"[\w$]+(?:\.[\w$]+)*")
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
    found: set[str] = set()
    for head in heads:
        if head in text:
            found.update(_uses(head, text))
    return tuple(sorted(found))


def _uses(head: str, text: str) -> Iterable[str]:
    """Plain searching: a pattern for each head would cost more to compile than it saves."""
    at = text.find(head)
    while at >= 0:
        if _starts_name(text, at) and (match := _DOTTED.match(text, at)):
            name = match.group()
            if name == head or name.startswith(head + "."):
                yield name
        at = text.find(head, at + len(head))


def _starts_name(text: str, at: int) -> bool:
    before = text[at - 1 : at]
    if before in _COMMON_BEFORE:
        return True
    if before == ".":
        return text[at - 2 : at] == ".."
    return not (before.isalnum() or before in {"_", "$"})
