"""Go: what a file declares and imports, and how it is cut. Knows no files."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine.languages.go_packages import OWN_PACKAGE, OWN_TESTS, resolve_packages
from engine.languages.grammars import parsed
from engine.languages.language import Binding, Reference
from engine.languages.syntax_tables import Shape, Table, closed, members, named, text_of
from engine.languages.tabled import Tabled

if TYPE_CHECKING:
    from tree_sitter import Node

_TYPE_NAME = re.compile(r"\w+")
_VERSION = re.compile(r"v\d+")
_VERSION_SUFFIX = re.compile(r"\.v\d+$")


def _field_names(node: "Node") -> Sequence[str]:
    """The fields; one without a name is called like its type, without package and parameters."""
    if names := named(node):
        return names
    kind = node.child_by_field_name("type")
    match = _TYPE_NAME.search(text_of(kind).partition("[")[0].rpartition(".")[2]) if kind else None
    return (match[0],) if match else ()


def _method_names(node: "Node") -> Sequence[str]:
    receiver = node.child_by_field_name("receiver")
    found = _TYPE_NAME.findall(text_of(receiver).partition("[")[0]) if receiver else ()
    return [f"{found[-1]}.{name}" if found else name for name in named(node)]


_TABLE = Table(
    shapes={
        "function_declaration": Shape("function"),
        "method_declaration": Shape("method", _method_names),
        "type_spec": Shape("type", named, members, word="type"),
        "type_alias": Shape("type", named, closed, word="type"),
        "const_spec": Shape("constant", word="const"),
        "var_spec": Shape("variable", word="var"),
        "field_declaration": Shape("field", _field_names),
        "method_elem": Shape("method"),
        "method_spec": Shape("method"),
    },
    bodies=frozenset({"block", "field_declaration_list", "method_elem", "method_spec"}),
    looked_into=frozenset(
        {"source_file", "struct_type", "interface_type", "field_declaration_list"}
        | {"var_spec_list", "ERROR"}
    ),
    assigned=frozenset({"const_spec", "var_spec"}),
    wrappers=frozenset({"type_declaration", "const_declaration", "var_declaration"}),
)


def _references(root: "Node", key: str) -> Iterator[Reference]:
    """The files of the own package, and what is imported."""
    package = next((each for each in root.children if each.type == "package_clause"), None)
    if package is None:
        return
    # What a test of another package than the one it tests uses of that it imports.
    apart = key.endswith("_test.go") and text_of(package).endswith("_test")
    own = OWN_TESTS if apart else OWN_PACKAGE
    yield Reference(own, (Binding("*", "*", exported=False),))
    for declaration in root.children:
        if declaration.type == "import_declaration":
            yield from _imports(declaration)


def _imports(declaration: "Node") -> Iterator[Reference]:
    todo = list(reversed(declaration.named_children))
    while todo:
        node = todo.pop()
        path, name = node.child_by_field_name("path"), node.child_by_field_name("name")
        if node.type == "import_spec_list":
            todo.extend(reversed(node.named_children))
        elif path is not None:
            text = text_of(path).strip('"`')
            yield Reference(text, (_binding(text_of(name) if name else "", text),))


def _binding(name: str, path: str) -> Binding:
    """A package is called as its last folder, as far as that can be told from outside."""
    if name == ".":
        return Binding("*", "*", exported=False)
    if name == "_":
        return Binding("", "", exported=False)
    parts = [part for part in path.split("/") if not _VERSION.fullmatch(part)] or [path]
    called = _VERSION_SUFFIX.sub("", parts[-1]).removeprefix("go-").removesuffix("-go")
    return Binding("", name or called, exported=False)


GO = Tabled(
    "go",
    frozenset({".go"}),
    partial(parsed, "tree_sitter_go"),
    _TABLE,
    _references,
    resolve_packages,
)
