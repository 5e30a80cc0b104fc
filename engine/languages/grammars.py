"""Parse text with a tree-sitter grammar that is loaded when it is first needed."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node


def parsed(grammar_module: str, source: bytes, *, entry: str = "language") -> "Node":
    """The root of the syntax tree, also of a text full of errors.

    `grammar_module` is one such as `tree_sitter_python`; `entry` is its function that makes
    the grammar.
    """
    from tree_sitter import Parser  # noqa: PLC0415 - a process that only resolves never parses

    # A parser holds the state of one parse and threads may share nothing of it.
    return Parser(grammar(grammar_module, entry)).parse(source).root_node


def syntax_error_line(root: "Node") -> int | None:
    """The line near which the first syntax error stands, if there is one."""
    node = root
    while node.has_error:
        if node.is_error or node.is_missing:
            return node.start_point.row + 1
        inner = next((child for child in node.children if child.has_error), None)
        if inner is None:
            break
        node = inner
    return node.start_point.row + 1 if root.has_error else None


@cache
def grammar(grammar_module: str, entry: str = "language") -> "Language":
    """A grammar, loaded once in a process."""
    from tree_sitter import Language  # noqa: PLC0415 - see above

    return Language(getattr(import_module(grammar_module), entry)())
