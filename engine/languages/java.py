"""Java: what a file declares and which classes it names, and how it is cut. Knows no files."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine.languages.class_names import capitalized_names
from engine.languages.grammars import parsed
from engine.languages.java_classes import resolve_classes
from engine.languages.language import Binding, Reference
from engine.languages.syntax_tables import Shape, Table, dotted, members, named
from engine.languages.tabled import Tabled

if TYPE_CHECKING:
    from tree_sitter import Node

_TYPES = frozenset(
    {"class_declaration", "interface_declaration", "enum_declaration", "record_declaration"}
    | {"annotation_type_declaration"}
)
# Types, and what is written like one where a value stands, as in `Foo.bar()`.
_NAMES = frozenset({"type_identifier", "identifier"})
_MOST_NAMES = 1_000


def _variables(node: "Node") -> Sequence[str]:
    return [name for each in node.children_by_field_name("declarator") for name in named(each)]


def _is_private(node: "Node") -> bool:
    marks = next((each for each in node.children if each.type == "modifiers"), None)
    return marks is not None and any(each.type == "private" for each in marks.children)


_TABLE = Table(
    shapes={
        **{kind: Shape(kind.partition("_")[0], named, members) for kind in _TYPES},
        "method_declaration": Shape("method"),
        "constructor_declaration": Shape("method"),
        "annotation_type_element_declaration": Shape("method"),
        "field_declaration": Shape("field", _variables),
        "constant_declaration": Shape("field", _variables),
        "enum_constant": Shape("constant"),
    },
    bodies=frozenset(
        {"block", "constructor_body", "class_body", "interface_body", "enum_body"}
        | {"annotation_type_body", "argument_list"}
    ),
    looked_into=frozenset(
        {"program", "class_body", "interface_body", "enum_body", "enum_body_declarations"}
        | {"annotation_type_body", "ERROR"}
    ),
    assigned=frozenset({"variable_declarator"}),
    hidden=_is_private,
)


def _references(root: "Node", key: str) -> Iterator[Reference]:
    """The package, the imports, and the names of classes that may be of the own package.

    The text says which of them, since where a name leads depends on the others.
    """
    imported: set[str] = set()
    package = next((each for each in root.children if each.type == "package_declaration"), None)
    if package is not None and package.named_child_count:
        text = dotted(package.named_children[-1])
        yield Reference(f"package {text}", ())
    for node in root.children:
        if node.type == "import_declaration":
            reference = _imported(node)
            imported.update(binding.local for binding in reference.bindings)
            yield reference
    names = sorted(capitalized_names(root, _NAMES) - imported)[:_MOST_NAMES]
    for name in names:
        yield Reference(f"class {name}", (Binding(name, name, exported=False),))


def _imported(node: "Node") -> Reference:
    path = next((each for each in node.named_children if "identifier" in each.type), None)
    text = dotted(path) if path is not None else ""
    whole = any(each.type == "asterisk" for each in node.children)
    kind = "static" if any(each.type == "static" for each in node.children) else "import"
    local = "" if whole else text.rpartition(".")[2]
    return Reference(f"{kind} {text}{'.*' * whole}", (Binding(local, local, exported=False),))


JAVA = Tabled(
    "java",
    frozenset({".java"}),
    partial(parsed, "tree_sitter_java"),
    _TABLE,
    _references,
    resolve_classes,
)
