"""Which namespaces and types a C# file names. Knows nodes, and no files.

A `using` may stand in any namespace of a file; all are taken to hold for the whole of it.
"""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from engine.languages.class_names import nodes_of
from engine.languages.language import Binding, Reference
from engine.languages.syntax_tables import dotted, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

TYPES = ("class", "struct", "interface", "record", "enum")

_DECLARED = frozenset({*(f"{kind}_declaration" for kind in TYPES), "delegate_declaration"})
_NAMESPACES = frozenset({"namespace_declaration", "file_scoped_namespace_declaration"})
_USINGS = frozenset({"using_directive"})
_PARAMETERS = frozenset({"type_parameter"})
# What stands there is a member, a variable, a label or what is called: no type.
_NO_TYPES = frozenset({"name", "function"})
_LABELS = frozenset({"goto_statement", "labeled_statement"})
_MOST_NAMES = 200
_MOST_NAMESPACES = 64


class _Place(NamedTuple):
    kind: str
    field: str


def references(root: "Node", key: str) -> Iterator[Reference]:
    """The namespaces, the usings, and the names of types that may stand in other files."""
    spaces = (_name(node, "name") for node in nodes_of(root, _NAMESPACES))
    yield from (Reference(f"namespace {each}") for each in islice(spaces, _MOST_NAMESPACES))
    aliases: set[str] = set()
    for node in nodes_of(root, _USINGS)[:_MOST_NAMESPACES]:
        reference = _used(node)
        aliases.update(binding.local for binding in reference.bindings)
        yield reference
    wholly, partly = _declared(root)
    types, attributes = _named_types(root)
    known = aliases | (wholly - partly)
    yield from _bound("type", sorted((types | partly) - known)[:_MOST_NAMES])
    yield from _bound("attribute", sorted(attributes - known)[:_MOST_NAMES])


def _bound(kind: str, names: list[str]) -> Iterator[Reference]:
    for name in names:
        yield Reference(f"{kind} {name}", (Binding(name, name, exported=False),))


def _used(node: "Node") -> Reference:
    """`using A.B;`, `using static A.B.X;`, `using Y = A.B.X;`: only the last two name a type."""
    alias = _name(node, "name")
    target = dotted(node.named_children[-1]).partition("<")[0] if node.named_children else ""
    short = target.rpartition(".")[2]
    if alias:
        return Reference(f"alias {target}", (Binding(short, alias, exported=False),))
    if any(each.type == "static" for each in node.children):
        return Reference(f"static {target}", (Binding("", "", exported=False),))
    return Reference(f"using {target}")


def _declared(root: "Node") -> tuple[set[str], set[str]]:
    """The types of the file, and those of them that other files may hold parts of."""
    wholly = {_name(node, "name") for node in nodes_of(root, _PARAMETERS)}
    partly: set[str] = set()
    for node in nodes_of(root, _DECLARED):
        wholly.add(name := _name(node, "name"))
        if any(each.type == "modifier" and text_of(each) == "partial" for each in node.children):
            partly.add(name)
    return wholly, partly


def _name(node: "Node", field: str) -> str:
    found = node.child_by_field_name(field)
    return "" if found is None else dotted(found)


def _named_types(root: "Node") -> tuple[set[str], set[str]]:
    """Capitalized names where types can stand, and those of attributes."""
    types: set[str] = set()
    attributes: set[str] = set()
    for node, around in _identifiers(root):
        name = text_of(node)
        if name[:1].isupper() and name.isidentifier():
            if around[-1].field == "name" and around[-2].kind == "attribute":
                attributes.add(name)
            elif _may_be_type(around):
                types.add(name)
    return types, attributes


def _may_be_type(around: list[_Place]) -> bool:
    """Whether a type can stand at this place, told by the nodes around, the innermost last."""
    generic = around[-2].kind == "generic_name"
    # `Go<T>()` calls a method as `Go()` does.
    outer, own = around[-3:-1] if generic else around[-2:]
    # `new Order { Id = 1 }` sets a member.
    is_set = own.field == "left" and outer.kind == "assignment_expression"
    return own.field not in _NO_TYPES and outer.kind not in _LABELS and not is_set


def _identifiers(root: "Node") -> "Iterator[tuple[Node, list[_Place]]]":
    """All identifiers with what they stand in; the list is the walk's own and changes."""
    cursor = root.walk()
    around: list[_Place] = []
    while True:
        node = cursor.node
        if node is not None:
            around.append(_Place(node.type, cursor.field_name or ""))
            if node.type == "identifier":
                yield node, around
        if not _is_spoken_for(around) and cursor.goto_first_child():
            continue
        around.pop()
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            around.pop()


def _is_spoken_for(around: list[_Place]) -> bool:
    """Usings and the names of namespaces are read by themselves."""
    kind, field = around[-1]
    return kind in _USINGS or (kind == "qualified_name" and field == "name")
