"""A declaration of JavaScript or TypeScript as a value, and what is read of any node."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from engine.languages.ecmascript_signatures import normal_form

FUNCTIONS = frozenset(
    {"arrow_function", "function_expression", "generator_function", "function_declaration"}
    | {"generator_function_declaration", "function_signature"}
)
CLASSES = frozenset({"class", "class_declaration", "abstract_class_declaration"})
_WRAPPERS = frozenset({"as_expression", "satisfies_expression", "parenthesized_expression"})
_STAR = re.compile(r"^/\*\*|\*/$|^[ \t]*\*(?!/)[ \t]?", re.MULTILINE)
_DEEPEST = 12
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Declared:
    """A name where it is declared; start and end are bytes.

    The signature is in two halves with the name between them, because a name can be
    exported under another one. `nameless` members, as index signatures, are all tail.
    """

    name: str
    kind: str
    start: int
    end: int
    head: str = ""
    tail: str = ""
    doc: str = ""
    members: tuple["Declared", ...] = ()
    nameless: bool = False

    @property
    def signature(self) -> str:
        if self.nameless:
            return self.tail
        head = f"{self.head} " if self.head else ""
        tail = f" {self.tail}" if self.tail and self.tail[0] not in "(<:?![" else self.tail
        return f"{head}{self.name}{tail}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is around a node: the whole text, the depth of namespaces, and if all only declares."""

    source: bytes
    depth: int = 0
    ambient: bool = False

    def form(self, start: int, end: int) -> str:
        return normal_form(self.source[start:end].decode()) if end > start else ""


def documented(nodes: Sequence[Node]) -> Iterator[tuple[Node, str]]:
    """The nodes that are no comments, each with the documentation directly before it."""
    doc = ""
    for node in nodes:
        if node.type == "comment":
            text = text_of(node)
            doc = _cleaned(text) if text.startswith("/**") else doc
        elif node.is_named and node.type != "decorator":
            yield node, doc
            doc = ""


def text_of(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode()


def name_of(node: Node | None) -> str:
    """The name that a node writes, in one line, without quotes; a computed one keeps brackets."""
    text = text_of(node)
    if node is not None and node.type == "string":
        return " ".join(text[1:-1].split())[:_LONGEST_NAME]
    return (text if text.isidentifier() else normal_form(text))[:_LONGEST_NAME]


def unwrapped(value: Node | None) -> Node | None:
    """`value` without parentheses, `as const` and `Object.freeze` around it."""
    for _ in range(_DEEPEST):
        if value is None:
            return None
        if value.type in _WRAPPERS and value.named_child_count:
            value = value.named_child(0)
        elif value.type == "call_expression" and _freezes(value):
            arguments = value.child_by_field_name("arguments")
            value = arguments.named_child(0) if arguments and arguments.named_child_count else None
        else:
            return value
    return value


def call_form(node: Node, scope: Scope) -> str:
    """Type parameters, parameters and return type of anything that can be called."""
    single = node.child_by_field_name("parameter")
    if single is not None:
        return f"({scope.form(single.start_byte, single.end_byte)})"
    fields = ("type_parameters", "parameters", "return_type")
    parts = [part for name in fields if (part := node.child_by_field_name(name)) is not None]
    return scope.form(parts[0].start_byte, parts[-1].end_byte) if parts else "()"


def async_head(function: Node, scope: Scope) -> str:
    first = function.child(0)
    return "async" if first is not None and first.type == "async" else ""


def _freezes(call: Node) -> bool:
    return text_of(call.child_by_field_name("function")) == "Object.freeze"


def _cleaned(comment: str) -> str:
    lines = (line.strip() for line in _STAR.sub("", comment).splitlines())
    return "\n".join(line for line in lines if line)
