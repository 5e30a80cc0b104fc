"""Parse text with a tree-sitter grammar that is loaded when it is first needed."""

from functools import cache
from importlib import import_module
from threading import local
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser


class _Parsers(local):
    """The parsers of one thread: each holds the state of one parse, and is kept as it is costly
    to make next to a small file."""

    def __init__(self) -> None:
        self.by_grammar: dict[tuple[str, str], Parser] = {}


_parsers = _Parsers()


def parsed(grammar_module: str, source: bytes, *, entry: str = "language") -> "Node":
    """The root of the syntax tree, also of a text full of errors.

    `grammar_module` is one such as `tree_sitter_python`; `entry` is its function that makes
    the grammar.
    """
    parser = _parsers.by_grammar.get((grammar_module, entry))
    if parser is None:
        parser = _parsers.by_grammar[grammar_module, entry] = _parser(grammar_module, entry)
    return parser.parse(source).root_node


def _parser(grammar_module: str, entry: str) -> "Parser":
    from tree_sitter import Parser  # noqa: PLC0415 - a process that only resolves never parses

    return Parser(grammar(grammar_module, entry))


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
