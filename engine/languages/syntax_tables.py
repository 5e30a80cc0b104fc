"""What a grammar's nodes declare, as a table, and the reader of such tables. Knows no language.

A language says which nodes declare something, which are looked into, and which hold bodies;
so most of a language is data. Only what is declared is walked, never a body.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from engine.languages.chunks import Span
from engine.languages.language import Declaration
from engine.languages.ruler import Ruler
from engine.languages.token_signatures import signature_of
from prewarm import Symbol

if TYPE_CHECKING:
    from tree_sitter import Node

Names = Callable[["Node"], Sequence[str]]
Prefix = Callable[["Node", str], str | None]

_COMMENT_MARK = re.compile(r"^\s*(?://[/!]?|/\*[*!]?|\*/|\*(?!/)|#)\s?|\s*\*/\s*$")
_SEPARATORS = re.compile(r"::|\\|\s*\.\s*")
_LONGEST_NAME = 500


def named(node: "Node") -> Sequence[str]:
    """The names in the field `name`, dotted whatever the language writes between them."""
    return [dotted(name) for name in node.children_by_field_name("name")]


def dotted(node: "Node") -> str:
    """The text of a name, without blanks."""
    return ".".join(_SEPARATORS.split("".join(text_of(node).split()))).strip(".")


def text_of(node: "Node") -> str:
    return (node.text or b"").decode(errors="ignore")


def closed(node: "Node", name: str) -> str | None:
    """Nothing inside can be named from outside."""
    return None


def members(node: "Node", name: str) -> str | None:
    """What is declared inside belongs to `name`."""
    return f"{name}." if name else None


class Shape(NamedTuple):
    """How one type of node declares.

    `names` finds what it declares, in order; `prefix` says what stands before the names of
    what it holds, or that it is not looked into. `word` opens a signature where the keyword
    stands outside of the node.
    """

    kind: str
    names: Names = named
    prefix: Prefix = closed
    word: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """What the nodes of a grammar mean, by their types.

    `looked_into` hold declarations and are none. `wrappers` stand around one declaration,
    which then begins and ends with them; the signature of what is in `heads` begins there
    too. `marks` stand in front of what they belong to. `bodies` are left out of
    signatures, as is, in what is in `assigned`, everything from its `=` on. `hidden` are
    declarations that nobody outside of the file can use.
    """

    shapes: Mapping[str, Shape]
    bodies: frozenset[str]
    looked_into: frozenset[str]
    assigned: frozenset[str] = frozenset()
    wrappers: frozenset[str] = frozenset()
    heads: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    comments: frozenset[str] = frozenset({"comment", "line_comment", "block_comment"})
    hidden: Callable[["Node"], bool] = lambda _: False

    @property
    def unsigned(self) -> frozenset[str]:
        """The nodes that are no part of a signature."""
        return self.bodies | self.comments


@dataclass(slots=True)
class Declared:
    """What a file declares; `spans` has also what is hidden."""

    declarations: list[Declaration] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)


def declared_in(root: "Node", ruler: Ruler, table: Table) -> Declared:
    """Everything that a table says of a tree, in the order of the source."""
    walk = _Walk(ruler, table)
    walk.run(root)
    return walk.found


class _Scope(NamedTuple):
    """A node to look into, what its names begin with, and whether others can see them.

    `before` are comments in front of it, which belong to the first thing in it.
    """

    node: "Node"
    prefix: str = ""
    hidden: bool = False
    before: Sequence["Node"] = ()


class _Place(NamedTuple):
    """The outermost node of a declaration, with the comments and marks in front of it."""

    outer: "Node"
    before: Sequence["Node"]


class _Walk:
    def __init__(self, ruler: Ruler, table: Table) -> None:
        self.found = Declared()
        self._ruler = ruler
        self._table = table
        self._unsigned = table.unsigned
        self._todo: list[_Scope] = []

    def run(self, root: "Node") -> None:
        self._todo.append(_Scope(root))
        while self._todo:
            self._look_into(self._todo.pop())
        self.found.declarations.sort(key=lambda each: (each.start_line, -each.end_line))

    def _look_into(self, scope: _Scope) -> None:
        before = list(scope.before)
        last_row = -1
        for node in scope.node.children:
            if node.type in self._table.marks:
                before.append(node)
            elif node.type in self._table.comments:
                # What stands behind something on its line belongs to that.
                if node.start_point.row != last_row:
                    before.append(node)
            elif node.is_named:
                self._read(node, scope, _Place(node, before))
                before, last_row = [], node.end_point.row

    def _read(self, node: "Node", scope: _Scope, place: _Place) -> None:
        head = node
        while node.type in self._table.wrappers:
            inner = [child for child in node.named_children if self._declares(child)]
            if len(inner) != 1:
                break
            head = head if node.type in self._table.heads else inner[0]
            node = inner[0]
        if shape := self._table.shapes.get(node.type):
            self._declare(node, head, shape, scope, place)
        elif node.type in self._table.looked_into or node.type in self._table.wrappers:
            self._todo.append(scope._replace(node=node, before=place.before))

    def _declares(self, node: "Node") -> bool:
        return node.type in self._table.shapes or node.type in self._table.wrappers

    def _declare(
        self, node: "Node", head: "Node", shape: Shape, scope: _Scope, place: _Place
    ) -> None:
        names = [name for name in shape.names(node) if name]
        hidden = scope.hidden or self._table.hidden(node)
        for index, name in enumerate(dict.fromkeys(names)):
            if len(scope.prefix) + len(name) > _LONGEST_NAME:
                return  # an index stores no such name, and nothing inside has a shorter one
            symbol_name = scope.prefix + name
            if not index:
                start, end = place.outer.start_byte, place.outer.end_byte
                self.found.spans.append(Span(start, end, symbol_name, shape.kind))
            if not hidden:
                signature = self._signature(head, shape, place)
                self._add(Symbol(symbol_name, shape.kind, signature), place)
        prefix = shape.prefix(node, names[0] if names else "")
        if prefix is not None:
            self._todo.append(_Scope(node, scope.prefix + prefix, hidden))

    def _signature(self, head: "Node", shape: Shape, place: _Place) -> str:
        marks = [node for node in place.before if node.type in self._table.marks]
        form = signature_of((*marks, head), self._unsigned, self._table.assigned)
        return f"{shape.word} {form}" if shape.word else form

    def _add(self, symbol: Symbol, place: _Place) -> None:
        marks = [node for node in place.before if node.type in self._table.marks]
        start = (marks[0] if marks else place.outer).start_byte
        end = max(start, place.outer.end_byte - 1)
        line = self._ruler.line
        doc = documentation(place.before, place.outer, self._table.comments)
        self.found.declarations.append(Declaration(symbol, doc, line(start), line(end)))


def documentation(before: Sequence["Node"], node: "Node", comments: Iterable[str]) -> str:
    """The comments directly above a node, without what marks them as such."""
    row = node.start_point.row
    texts: list[str] = []
    for each in reversed(before):
        if row - each.end_point.row > 1:
            break
        row = each.start_point.row
        if each.type in comments:
            texts.append(text_of(each))
    lines = (line for text in reversed(texts) for line in text.splitlines())
    return "\n".join(_COMMENT_MARK.sub("", line).rstrip() for line in lines).strip()
