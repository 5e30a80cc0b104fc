"""PHP: what a file declares and which classes and files it names, and how it is cut."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.languages.class_names import capitalized_names, nodes_of
from engine.languages.grammars import parsed
from engine.languages.language import Binding, Reference
from engine.languages.php_classes import resolve_classes
from engine.languages.syntax_tables import Shape, Table, members, named, text_of
from engine.languages.tabled import Tabled

if TYPE_CHECKING:
    from tree_sitter import Node

_INCLUDES = frozenset(
    {"require_expression", "require_once_expression", "include_expression"}
    | {"include_once_expression"}
)
_USES = frozenset({"namespace_use_declaration"})
_QUALIFIED = frozenset({"qualified_name"})
_NAMES = frozenset({"name"})
_INCLUDED = re.compile(
    r"""(?:require|include)(?:_once)?[\s(]*
    (?P<here>__DIR__\s*\.|dirname\(\s*__FILE__\s*\)\s*\.|dirname\(\s*__DIR__\s*\)\s*\.)?
    \s*(["'])(?P<path>[^"'$\\\n]{1,500})\2\s*\)*\s*$""",
    re.VERBOSE,
)
_MOST_NAMES = 1_000


def _elements(kind: str, node: "Node") -> list[str]:
    """The names of what one statement declares several of."""
    first = (each.named_children[0] for each in node.named_children if each.type == kind)
    return [text_of(each).lstrip("$") for each in first]


def _is_private(node: "Node") -> bool:
    return any(
        each.type == "visibility_modifier" and text_of(each) == "private" for each in node.children
    )


_TABLE = Table(
    shapes={
        **{
            f"{kind}_declaration": Shape(kind, named, members)
            for kind in ("class", "interface", "trait", "enum")
        },
        "function_definition": Shape("function"),
        "method_declaration": Shape("method"),
        "property_declaration": Shape("field", lambda node: _elements("property_element", node)),
        "const_declaration": Shape("constant", lambda node: _elements("const_element", node)),
        "enum_case": Shape("constant"),
    },
    bodies=frozenset({"compound_statement", "declaration_list", "enum_declaration_list"}),
    looked_into=frozenset(
        {"program", "namespace_definition", "declaration_list", "enum_declaration_list"}
        | {"compound_statement", "if_statement", "else_clause", "ERROR"}
    ),
    assigned=frozenset({"property_element", "const_element", "enum_case"}),
    hidden=_is_private,
)


def _references(root: "Node", key: str) -> Iterator[Reference]:
    """The namespace, what is used, other names of classes, and files that are written out."""
    declared = (each for each in root.children if each.type == "namespace_definition")
    name = next((each.child_by_field_name("name") for each in declared), None)
    if name is not None:
        yield Reference(f"namespace {text_of(name)}", ())
    used: set[str] = set()
    for statement in nodes_of(root, _USES):
        for reference in _used(text_of(statement)):
            used.update(binding.local for binding in reference.bindings)
            yield reference
    for node in nodes_of(root, _INCLUDES):
        if match := _INCLUDED.match(text_of(node)):
            up = ".." if (match["here"] or "").replace(" ", "").startswith("dirname(__DIR") else ""
            place = f"here {up}{match['path']}" if match["here"] else f"path {match['path']}"
            yield Reference(place, (Binding("*", "*", exported=True),))
    whole = {text_of(node) for node in nodes_of(root, _QUALIFIED)}
    for text in sorted(text for text in whole if text.startswith("\\"))[:_MOST_NAMES]:
        local = text.rpartition("\\")[2]
        yield Reference(f"use {text.lstrip(chr(92))}", (Binding(local, "", exported=False),))
    for each in sorted(capitalized_names(root, _NAMES) - used)[:_MOST_NAMES]:
        yield Reference(f"class {each}", (Binding(each, each, exported=False),))


_USE = re.compile(r"\buse\s+(?!function\b|const\b)([^;]*)", re.DOTALL)


def _used(statement: str) -> Iterator[Reference]:
    """`use A\\B, C as D;` and `use A\\{B, C as D};`; functions and constants have no file."""
    match = _USE.match(statement)
    text = " ".join(match[1].split()) if match else ""
    prefix, brace, listed = text.partition("{")
    for clause in (listed.rstrip("} ") if brace else text).split(","):
        name, _, alias = clause.strip().partition(" as ")
        path = (prefix.strip() if brace else "") + name.strip()
        if path and not name.startswith(("function ", "const ")):
            local = alias.strip() or path.rpartition("\\")[2]
            short = path.rpartition("\\")[2]
            yield Reference(f"use {path.lstrip(chr(92))}", (Binding(short, local, exported=False),))


def _parse(source: bytes) -> "Node":
    return parsed("tree_sitter_php", source, entry="language_php")


PHP = Tabled("php", frozenset({".php", ".phtml"}), _parse, _TABLE, _references, resolve_classes)
