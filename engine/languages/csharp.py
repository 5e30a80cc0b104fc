"""C#: what a file declares and which types it names, and how it is cut. Knows no files."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine.languages.csharp_names import TYPES, references
from engine.languages.csharp_namespaces import resolve_types
from engine.languages.grammars import parsed
from engine.languages.syntax_tables import Shape, Table, members, named, text_of
from engine.languages.tabled import Tabled

if TYPE_CHECKING:
    from tree_sitter import Node


def _variables(node: "Node") -> Sequence[str]:
    declared = [each for each in node.named_children if each.type == "variable_declaration"]
    variables = (each for inner in declared for each in inner.named_children)
    return [
        name for each in variables if each.type == "variable_declarator" for name in named(each)
    ]


def _operator(node: "Node") -> Sequence[str]:
    """Operators are called by their mark, conversions by the type that they lead to."""
    mark = node.child_by_field_name("operator") or node.child_by_field_name("type")
    return () if mark is None else (f"operator {text_of(mark)}",)


def _is_private(node: "Node") -> bool:
    return any(each.type == "modifier" and text_of(each) == "private" for each in node.children)


_TABLE = Table(
    shapes={
        **{f"{kind}_declaration": Shape(kind, named, members) for kind in TYPES},
        "method_declaration": Shape("method"),
        "constructor_declaration": Shape("method"),
        "property_declaration": Shape("property"),
        "indexer_declaration": Shape("property", lambda _: ("this",)),
        "operator_declaration": Shape("method", _operator),
        "conversion_operator_declaration": Shape("method", _operator),
        "event_declaration": Shape("event"),
        "event_field_declaration": Shape("event", _variables),
        "field_declaration": Shape("field", _variables),
        "delegate_declaration": Shape("type"),
        "enum_member_declaration": Shape("constant"),
    },
    bodies=frozenset(
        {"block", "declaration_list", "arrow_expression_clause", "constructor_initializer"}
        | {"enum_member_declaration_list"}
    ),
    looked_into=frozenset(
        {"compilation_unit", "namespace_declaration", "file_scoped_namespace_declaration"}
        | {"declaration_list", "enum_member_declaration_list", "ERROR"}
        | {"preproc_if", "preproc_else", "preproc_elif"}
    ),
    assigned=frozenset({"variable_declarator", "enum_member_declaration", "property_declaration"}),
    hidden=_is_private,
)

CSHARP = Tabled(
    "csharp",
    frozenset({".cs"}),
    partial(parsed, "tree_sitter_c_sharp"),
    _TABLE,
    references,
    resolve_types,
    version=2,
)
