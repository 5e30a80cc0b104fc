"""C and C++: what a file declares and includes, and how it is cut. Knows no files."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine.languages.c_includes import resolve_includes
from engine.languages.class_names import nodes_of
from engine.languages.grammars import parsed
from engine.languages.language import Binding, Reference
from engine.languages.syntax_tables import Shape, Table, dotted, members, named, text_of
from engine.languages.tabled import Tabled

if TYPE_CHECKING:
    from tree_sitter import Node

_NAMES = frozenset(
    {"identifier", "field_identifier", "type_identifier", "operator_name", "operator_cast"}
    | {"destructor_name", "qualified_identifier", "template_function", "primitive_type"}
)
_ARGUMENTS = re.compile(r"<[^<>]*>")
_CPP = re.compile(rb"^[ \t]*(?:class|namespace|template|using)\b|\w::\w", re.MULTILINE)
_DEEPEST_DECLARATOR = 64


def _declared_names(node: "Node") -> Sequence[str]:
    """The names inside of declarators, however many pointers, arrays and brackets are around."""
    found = (_innermost(each) for each in node.children_by_field_name("declarator"))
    return [_plain(name) for name in found if name is not None]


def _innermost(declarator: "Node") -> "Node | None":
    node: Node | None = declarator
    for _ in range(_DEEPEST_DECLARATOR):
        if node is None or node.type in _NAMES:
            return node
        inner = node.child_by_field_name("declarator")
        # Brackets, references and attributes have no field for what they stand around.
        node = inner or next(
            (each for each in node.named_children if each.type.endswith("declarator")),
            next((each for each in node.named_children if each.type in _NAMES), None),
        )
    return None


def _plain(name: "Node") -> str:
    """A name without the arguments of templates in it."""
    text, before = dotted(name), ""
    while "operator" not in text and text != before:
        text, before = _ARGUMENTS.sub("", text), text
    return text


def _names_with_body(node: "Node") -> Sequence[str]:
    """A type is declared where its members are; elsewhere it is only used."""
    return named(node) if node.child_by_field_name("body") is not None else ()


def _beside(node: "Node", name: str) -> str | None:
    """A type inside has a name of its own, or its members belong to what is declared with it."""
    inner = node.child_by_field_name("type")
    if inner is None or inner.child_by_field_name("body") is None:
        return None
    return f"{name}." if name and inner.child_by_field_name("name") is None else ""


def _members_of_class(node: "Node", name: str) -> str | None:
    if node.child_by_field_name("body") is None:
        return None
    return f"{name}." if name else ""


def _members_of_enum(node: "Node", name: str) -> str | None:
    """The values of an enumeration stand beside it, unless it is a class."""
    scoped = any(each.type in {"class", "struct"} for each in node.children)
    return f"{name}." if scoped and name else ""


_CLASS = Shape("class", _names_with_body, _members_of_class)
_STRUCT = Shape("struct", _names_with_body, _members_of_class)
_CONDITIONS = frozenset(
    {"preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif", "preproc_elifdef"}
)

_INCLUDES = frozenset({"preproc_include"})

_TABLE = Table(
    shapes={
        "function_definition": Shape("function", _declared_names),
        "declaration": Shape("declaration", _declared_names, _beside),
        "field_declaration": Shape("field", _declared_names, _beside),
        "type_definition": Shape("type", _declared_names, _beside),
        "alias_declaration": Shape("type"),
        "concept_definition": Shape("concept"),
        "struct_specifier": _STRUCT,
        "union_specifier": Shape("union", _names_with_body, _members_of_class),
        "class_specifier": _CLASS,
        "enum_specifier": Shape("enum", _names_with_body, _members_of_enum),
        "enumerator": Shape("constant"),
        "namespace_definition": Shape("namespace", named, members),
        "preproc_def": Shape("macro"),
        "preproc_function_def": Shape("macro"),
    },
    bodies=frozenset(
        {"compound_statement", "field_declaration_list", "enumerator_list", "declaration_list"}
        | {"field_initializer_list", "preproc_arg", "try_statement"}
    ),
    looked_into=frozenset(
        {"translation_unit", "linkage_specification", "declaration_list", "ERROR"}
        | {"field_declaration_list", "enumerator_list"}
        | _CONDITIONS
    ),
    assigned=frozenset({"init_declarator", "enumerator"}),
    wrappers=frozenset({"template_declaration"}),
    heads=frozenset({"template_declaration"}),
)


def _references(root: "Node", key: str) -> Iterator[Reference]:
    """Includes, also those inside of a body; what they bring is passed on to who includes this."""
    for node in nodes_of(root, _INCLUDES):
        path = node.child_by_field_name("path")
        text = "" if path is None else text_of(path).strip()
        if text[:1] in {'"', "<"} and len(text) > 2:
            yield Reference(text.rstrip('">'), (Binding("*", "*", exported=True),))


def _parse_c(source: bytes) -> "Node":
    """A header with what only C++ has is read as that, unless it is plain C all the same."""
    other = parsed("tree_sitter_cpp", source) if _CPP.search(source) else None
    if other is not None and not other.has_error:
        return other
    root = parsed("tree_sitter_c", source)
    return other if other is not None and root.has_error else root


C = Tabled(
    "c",
    frozenset({".c", ".h"}),
    _parse_c,
    _TABLE,
    _references,
    resolve_includes,
    version=2,
)
CPP = Tabled(
    "cpp",
    frozenset({".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".ipp", ".inl", ".tpp"}),
    partial(parsed, "tree_sitter_cpp"),
    _TABLE,
    _references,
    resolve_includes,
    version=2,
)
