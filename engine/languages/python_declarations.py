"""What a Python module declares and imports, from one walk over its statements.

Bodies of functions are not entered: nothing in them can be seen from outside.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from engine.languages.chunks import Span
from engine.languages.language import Declaration
from engine.languages.python_imports import IMPORTS
from engine.languages.python_signatures import normal_form
from engine.languages.ruler import Ruler
from prewarm import Symbol

if TYPE_CHECKING:
    from tree_sitter import Node

# Statements that run where they stand: what they define belongs to the scope around them.
_TRANSPARENT = (
    *("block", "if_statement", "elif_clause", "else_clause", "try_statement", "except_clause"),
    *("except_group_clause", "finally_clause", "with_statement", "for_statement"),
    *("while_statement", "match_statement", "case_clause", "ERROR"),
)
_PATTERNS = frozenset({"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern"})
_QUOTED = re.compile(r"""[bBrRuU]*("{3}|'{3}|"|')(.*)\1""", re.DOTALL)
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_STRING_OR_NAME = re.compile(r"""(["'])(\w+)\1|(?<!\w)([^\W\d]\w*(?:\.\w+)+)""")
_CONSTANTS = frozenset({"None", "True", "False"})
_LONGEST_DEFAULT = 200
_LONGEST_NAME = 500


@dataclass(slots=True)
class Declared:
    """The result of the walk; `imports` are the statements at module level."""

    declarations: list[Declaration] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    imports: list["Node"] = field(default_factory=list)
    all_names: set[str] = field(default_factory=set)
    has_all: bool = False


def declared_in(root: "Node", ruler: Ruler) -> Declared:
    """Everything that readers of the module can name, private names too."""
    walk = _Walk(ruler)
    walk.run(root)
    return walk.found


class _Walk:
    def __init__(self, ruler: Ruler) -> None:
        self.found = Declared()
        self._ruler = ruler
        self._source = ruler.source
        self._variables: set[Symbol] = set()
        self._todo: list[tuple[Node, str]] = []

    def run(self, root: "Node") -> None:
        self._todo.append((root, ""))
        while self._todo:
            scope, prefix = self._todo.pop()
            for statement in scope.children:
                if read := self._readers.get(statement.type):
                    read(self, statement, prefix)
        self.found.declarations.sort(key=lambda declared: declared.start_line)

    def _enter(self, node: "Node", prefix: str) -> None:
        self._todo.append((node, prefix))

    def _import(self, node: "Node", prefix: str) -> None:
        if not prefix:
            self.found.imports.append(node)

    def _decorated(self, node: "Node", prefix: str) -> None:
        marks = [self._normal(child) for child in node.children if child.type == "decorator"]
        definition = node.child_by_field_name("definition")
        if definition is None:
            return
        read = self._class if definition.type == "class_definition" else self._function
        read(definition, prefix, outer=node, marks=marks)

    def _function(
        self,
        node: "Node",
        prefix: str,
        *,
        outer: "Node | None" = None,
        marks: list[str] | None = None,
    ) -> None:
        name, header, body = self._parts(node)
        start = "async def" if self._source.startswith(b"async", node.start_byte) else "def"
        signature = " ".join([*(marks or ()), start, name + header])
        symbol = Symbol(prefix + name, "method" if prefix else "function", signature)
        self._declare(symbol, outer or node, self._doc(body))

    def _class(
        self,
        node: "Node",
        prefix: str,
        *,
        outer: "Node | None" = None,
        marks: list[str] | None = None,
    ) -> None:
        name, header, body = self._parts(node)
        signature = " ".join([*(marks or ()), "class", name + header.removesuffix("()")])
        self._declare(Symbol(prefix + name, "class", signature), outer or node, self._doc(body))
        if body is not None:
            self._todo.append((body, f"{prefix}{name}."))

    def _parts(self, node: "Node") -> tuple[str, str, "Node | None"]:
        """Name, normal form of what stands between name and body, body."""
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None:
            return "", "", body
        header = self._text(name.end_byte, body.start_byte if body else node.end_byte)
        return self._text_of(name), normal_form(header.rstrip()).removesuffix(":"), body

    def _expression(self, node: "Node", prefix: str) -> None:
        inner = node.children[0] if node.child_count else node
        if not prefix and self._source.startswith(b"__all__", inner.start_byte):
            self._add_all(inner)
        if inner.type == "assignment":
            self._assignment(inner, prefix)

    def _add_all(self, node: "Node") -> None:
        """`__all__ = [...]`, `+=`, `.extend(...)`: strings are names, dotted names stay as such."""
        text = self._text_of(node)[len("__all__") :]
        self.found.has_all = True
        for _, name, other in _STRING_OR_NAME.findall(text):
            self.found.all_names.add(name or f"*{other}")

    def _assignment(self, node: "Node", prefix: str) -> None:
        annotation = node.child_by_field_name("type")
        value: Node | None = node
        while value is not None and value.type == "assignment":
            target, value = value.child_by_field_name("left"), value.child_by_field_name("right")
            for name in self._targets(target):
                self._variable(node, prefix, name, annotation, value)

    def _variable(
        self, node: "Node", prefix: str, name: str, annotation: "Node | None", value: "Node | None"
    ) -> None:
        kind = "field" if prefix else "variable"
        signature = name
        if annotation is not None:
            form = self._normal(annotation)
            kind = "type" if form.endswith("TypeAlias") else kind
            signature += f": {form}"
        signature += self._visible_value(value, kind, annotated=annotation is not None)
        symbol = Symbol(prefix + name, kind, signature)
        if symbol not in self._variables:
            self._variables.add(symbol)
            self._declare(symbol, node, "")

    def _visible_value(self, value: "Node | None", kind: str, *, annotated: bool) -> str:
        """What readers depend on of a value.

        An alias is seen through, and the default of an annotated field is a parameter of
        a dataclass. Any other value is like the body of a function: it does not change
        how the name is used.
        """
        if value is None:
            return ""
        if kind == "type" or (kind == "field" and annotated):
            small = kind == "type" or value.end_byte - value.start_byte <= _LONGEST_DEFAULT
            return f" = {self._normal(value)}" if small else " = ..."
        if value.type not in {"identifier", "attribute"}:
            return ""
        form = self._normal(value)
        return f" = {form}" if _NAME.fullmatch(form) and form not in _CONSTANTS else ""

    def _targets(self, target: "Node | None") -> list[str]:
        names: list[str] = []
        todo = [target] if target is not None else []
        while todo:
            node = todo.pop()
            if node.type == "identifier":
                names.append(self._text_of(node))
            elif node.type in _PATTERNS:
                todo.extend(reversed(node.named_children))
        return names

    def _type_alias(self, node: "Node", prefix: str) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return
        form = self._normal(left)
        if match := _NAME.match(form):
            signature = f"type {form} = {self._normal(right)}"
            self._declare(Symbol(prefix + match[0], "type", signature), node, "")

    def _declare(self, symbol: Symbol, node: "Node", doc: str) -> None:
        if not symbol.name or symbol.name.endswith(".") or len(symbol.name) > _LONGEST_NAME:
            return  # what has no name that an index can store can't be named by others
        start, end = node.start_byte, node.end_byte
        line = self._ruler.line
        self.found.declarations.append(
            Declaration(symbol, doc, line(start), line(max(start, end - 1)))
        )
        self.found.spans.append(Span(start, end, symbol.name, symbol.kind))

    def _doc(self, body: "Node | None") -> str:
        if body is None or self._source[body.start_byte : body.start_byte + 1] not in _QUOTES:
            return ""
        first = body.children[0] if body.child_count else body
        if first.type != "expression_statement" or first.children[0].type != "string":
            return ""
        match = _QUOTED.fullmatch(self._text_of(first.children[0]))
        if match is None:
            return ""
        doc = match[2]
        return inspect.cleandoc(doc).strip() if "\n" in doc else doc.strip()

    def _normal(self, node: "Node") -> str:
        return normal_form(self._text_of(node))

    def _text_of(self, node: "Node") -> str:
        return self._text(node.start_byte, node.end_byte)

    def _text(self, start: int, end: int) -> str:
        return self._source[start:end].decode()

    _readers: ClassVar[dict[str, Callable[["_Walk", "Node", str], None]]] = {
        **dict.fromkeys(_TRANSPARENT, _enter),
        **dict.fromkeys(IMPORTS, _import),
        "decorated_definition": _decorated,
        "function_definition": _function,
        "class_definition": _class,
        "expression_statement": _expression,
        "type_alias_statement": _type_alias,
    }


_QUOTES = frozenset({b'"', b"'", b"r", b"R", b"u", b"U", b"b", b"B"})
