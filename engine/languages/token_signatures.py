"""The normal form of a declaration, from the tokens of its tree. Knows no language.

Blanks, line breaks, comments and a comma before a closing bracket make no difference.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

_CLOSING = frozenset(")]}>")
_NO_BLANK_AFTER = frozenset({"(", "[", ".", "!", "@", "::", "&", "*", "<", "~", "\\", "$", "#["})
_NO_BLANK_BEFORE = frozenset(
    {"(", "[", ")", "]", ".", "...", ",", ";", "::", "?", "<", ">", ":", "\\"}
)
# Where a comma before the bracket says something: `(T,)` is a tuple.
_TUPLES = frozenset({"tuple_type", "tuple_expression", "tuple_pattern"})
_LONGEST = 2_000


def signature_of(
    nodes: Sequence["Node"], left_out: frozenset[str], assigned: frozenset[str]
) -> str:
    """The tokens of `nodes` in one line, without the subtrees that are `left_out`.

    In a node whose type is in `assigned`, nothing from its `=` on counts. A form that is
    too long is cut, and told apart by its hash.
    """
    form = "".join(_spaced(_without_trailing(_tokens(nodes, left_out, assigned))))
    if len(form) <= _LONGEST:
        return form
    digest = blake2b(form.encode(), digest_size=8).hexdigest()
    return f"{form[:_LONGEST]}... {digest}"


def _tokens(
    nodes: Sequence["Node"], left_out: frozenset[str], assigned: frozenset[str]
) -> Iterator[str]:
    todo = list(reversed(nodes))
    while todo:
        node = todo.pop()
        if node.type in left_out and node not in nodes:
            continue
        children = node.children
        if not children or _is_string(node):
            yield " ".join((node.text or b"").decode(errors="ignore").split())
        elif node.type in assigned:
            todo.extend(reversed(list(takewhile(lambda child: child.type != "=", children))))
        elif node.type in _TUPLES and len(node.named_children) == 1:
            yield " ".join((node.text or b"").decode(errors="ignore").split())
        else:
            todo.extend(reversed(children))


def _is_string(node: "Node") -> bool:
    """What stands between the tokens of a string is part of it."""
    return "string" in node.type or node.type.endswith("char_literal")


def _without_trailing(tokens: Iterator[str]) -> Iterator[str]:
    """Drop commas at the end and in front of what closes, and what a line break may replace."""
    waiting = False
    for form in tokens:
        if form in {"", ";"}:
            continue
        if waiting and form[0] not in _CLOSING:
            yield ","
        waiting = form == ","
        if not waiting:
            yield form


def _spaced(tokens: Iterator[str]) -> Iterator[str]:
    previous = ""
    for token in tokens:
        if previous and _has_blank(previous, token):
            yield " "
        previous = token
        yield token


def _has_blank(previous: str, token: str) -> bool:
    if _is_word(previous[-1]) and _is_word(token[0]):
        return True
    return not (previous in _NO_BLANK_AFTER or token in _NO_BLANK_BEFORE)


def _is_word(character: str) -> bool:
    return character.isalnum() or character in "_\"'`"
