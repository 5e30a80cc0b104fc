"""Parse JavaScript and TypeScript, each file with the grammar that understands it best."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query


# Many more siblings in a row than a text that people write has between two names.
_MOST_MARKS = 1_000


class Grammar(StrEnum):
    JAVASCRIPT = "javascript"
    TYPESCRIPT = "typescript"
    TSX = "tsx"


@dataclass(frozen=True, slots=True)
class Parsed:
    root: "Node"
    grammar: Grammar

    def matches(self, patterns: str) -> Iterator[dict[str, "Node"]]:
        """The first node of each capture, match by match; none in a tree of endless marks."""
        from tree_sitter import QueryCursor  # noqa: PLC0415 - see `_language`

        # At every node a cursor looks for the next sibling with a name, so that its time
        # grows with the square of the marks in a row, as after `((((`.
        if _has_endless_marks(self.root):
            return
        for _, captures in QueryCursor(_query(self.grammar, patterns)).matches(self.root):
            yield {name: nodes[0] for name, nodes in captures.items()}


def parse(key: str, source: bytes) -> Parsed:
    """The tree of a file. JavaScript with type annotations, as Flow has, is read as TSX."""
    parsed = _parse(source, _grammar(key))
    if parsed.grammar is Grammar.JAVASCRIPT and parsed.root.has_error:
        typed = _parse(source, Grammar.TSX)
        return parsed if typed.root.has_error else typed
    return parsed


def _has_endless_marks(root: "Node") -> bool:
    """Whether brackets, quotes or other tokens without a name stand in a very long row."""
    todo = [root] if root.has_error else []
    while todo:
        children = todo.pop().children
        if len(children) > _MOST_MARKS and _longest_row(children) > _MOST_MARKS:
            return True
        todo += [child for child in children if child.has_error]
    return False


def _longest_row(children: Iterable["Node"]) -> int:
    rows = groupby(children, lambda child: child.is_named)
    return max((sum(1 for _ in row) for named, row in rows if not named), default=0)


def _grammar(key: str) -> Grammar:
    if key.endswith(".tsx"):
        return Grammar.TSX
    untyped = key.endswith((".js", ".jsx", ".mjs", ".cjs", ".gjs"))
    return Grammar.JAVASCRIPT if untyped else Grammar.TYPESCRIPT


def _parse(source: bytes, grammar: Grammar) -> Parsed:
    from tree_sitter import Parser  # noqa: PLC0415 - see `_language`

    # A parser holds the state of one parse and threads may share nothing of it.
    return Parsed(Parser(_language(grammar)).parse(source).root_node, grammar)


@cache
def _language(grammar: Grammar) -> "Language":
    # A process that only resolves never parses, and loads no grammar.
    from tree_sitter import Language  # noqa: PLC0415
    from tree_sitter_javascript import language  # noqa: PLC0415
    from tree_sitter_typescript import language_tsx, language_typescript  # noqa: PLC0415

    match grammar:
        case Grammar.JAVASCRIPT:
            return Language(language())
        case Grammar.TYPESCRIPT:
            return Language(language_typescript())
        case Grammar.TSX:
            return Language(language_tsx())


@cache
def _query(grammar: Grammar, patterns: str) -> "Query":
    from tree_sitter import Query  # noqa: PLC0415 - see `_language`

    return Query(_language(grammar), patterns)
