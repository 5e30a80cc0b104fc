"""Rust: what a file declares and uses, and how it is cut. Knows no files."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine.languages.grammars import parsed
from engine.languages.language import Binding, Reference
from engine.languages.rust_modules import resolve_modules
from engine.languages.syntax_tables import Shape, Table, members, text_of
from engine.languages.tabled import Tabled

if TYPE_CHECKING:
    from tree_sitter import Node

_TYPE_NAME = re.compile(r"(?:\w+::)*(\w+)")
_CRATE_PATH = re.compile(rb"(?<![\w:$])crate(?:::\w+)+")
_PATH_MARK = re.compile(r'#\s*\[\s*path\s*=\s*"([^"]{1,500})"\s*\]')
_DEEPEST = 64


def _type_name(node: "Node | None") -> str:
    match = _TYPE_NAME.search(text_of(node).removeprefix("dyn ")) if node is not None else None
    return match[1] if match else ""


def _impl_names(node: "Node") -> Sequence[str]:
    """That a type has a trait can be seen; what it has without one is declared by itself."""
    trait = _type_name(node.child_by_field_name("trait"))
    return (f"{_type_name(node.child_by_field_name('type'))}.{trait}",) if trait else ()


def _of_type(node: "Node", name: str) -> str | None:
    found = _type_name(node.child_by_field_name("type"))
    return f"{found}." if found else None


_TABLE = Table(
    shapes={
        "function_item": Shape("function"),
        "function_signature_item": Shape("function"),
        "struct_item": Shape("struct", prefix=members),
        "union_item": Shape("union", prefix=members),
        "enum_item": Shape("enum", prefix=members),
        "enum_variant": Shape("variant", prefix=members),
        "field_declaration": Shape("field"),
        "trait_item": Shape("trait", prefix=members),
        "impl_item": Shape("impl", _impl_names, _of_type),
        "mod_item": Shape("module", prefix=members),
        "const_item": Shape("constant"),
        "static_item": Shape("variable"),
        "type_item": Shape("type"),
        "associated_type": Shape("type"),
        "macro_definition": Shape("macro"),
    },
    bodies=frozenset(
        {"block", "field_declaration_list", "declaration_list", "enum_variant_list", "macro_rule"}
    ),
    looked_into=frozenset(
        {"source_file", "field_declaration_list", "declaration_list", "enum_variant_list"}
        | {"foreign_mod_item", "ERROR"}
    ),
    assigned=frozenset({"const_item", "static_item", "enum_variant"}),
    marks=frozenset({"attribute_item"}),
)


def _references(root: "Node", key: str) -> Iterator[Reference]:
    """`mod x;`, what is used, and paths that are written out, each from the module it is in.

    The text is a path. What stands in a module inside of the file begins with `self` and
    the name of that.
    """
    todo: list[tuple[Node, tuple[str, ...]]] = [(root, ())]
    while todo:
        scope, inside = todo.pop()
        marks = ""
        for node in scope.children:
            if node.type == "attribute_item":
                marks += text_of(node)
                continue
            body = node.child_by_field_name("body")
            if node.type == "mod_item" and body is None:
                yield _module(node, inside, marks)
            elif node.type == "mod_item" and body is not None and len(inside) < _DEEPEST:
                todo.append((body, (*inside, _name(node))))
            elif node.type == "use_declaration":
                yield from _used(node, inside)
            elif node.type == "extern_crate_declaration":
                alias = node.child_by_field_name("alias")
                name = _name(node)
                local = text_of(alias) if alias is not None else name
                yield Reference(f"::{name}", (Binding("", local, exported=False),))
            marks = ""
    for path in dict.fromkeys(_CRATE_PATH.findall(root.text or b"")):
        yield Reference(path.decode(), (Binding("", "", exported=False),))


def _name(node: "Node") -> str:
    name = node.child_by_field_name("name")
    return text_of(name) if name is not None else ""


def _module(node: "Node", inside: tuple[str, ...], marks: str) -> Reference:
    """A module in a file of its own; `mod` at the front tells it from what is used."""
    name = _name(node).removeprefix("r#")
    path = _PATH_MARK.search(marks)
    text = f"path {path[1]}" if path else "mod " + "::".join((*inside, name))
    return Reference(text, (Binding("", name, exported=not inside),))


def _used(node: "Node", inside: tuple[str, ...]) -> Iterator[Reference]:
    exported = not inside and any(each.type == "visibility_modifier" for each in node.children)
    argument = node.child_by_field_name("argument")
    todo = [(argument, "")] if argument is not None else []
    while todo:
        tree, prefix = todo.pop()
        if tree.type in {"scoped_use_list", "use_list"}:
            path, inner = tree.child_by_field_name("path"), tree
            if tree.type == "scoped_use_list":
                inner = tree.child_by_field_name("list") or tree
            before = _joined(prefix, text_of(path)) if path is not None else prefix
            todo.extend((each, before) for each in reversed(inner.named_children))
        elif tree.type not in {"line_comment", "block_comment"}:
            yield _leaf(tree, prefix, inside, exported=exported)


def _leaf(tree: "Node", prefix: str, inside: tuple[str, ...], *, exported: bool) -> Reference:
    path, alias = tree.child_by_field_name("path"), tree.child_by_field_name("alias")
    text = "".join(text_of(path if alias is not None and path is not None else tree).split())
    if tree.type == "use_wildcard":
        whole = _joined(prefix, text.removesuffix("*").removesuffix("::"))
        return Reference(_placed(whole, inside), (Binding("*", "*", exported),))
    whole = prefix if text == "self" and prefix else _joined(prefix, text)
    local = text_of(alias) if alias is not None else whole.rpartition("::")[2]
    return Reference(_placed(whole, inside), (Binding("", local, exported),))


def _joined(prefix: str, path: str) -> str:
    return "::".join(part for part in (prefix, path) if part)


def _placed(path: str, inside: tuple[str, ...]) -> str:
    """A path as it reads at the top of the file."""
    if not inside or path.startswith(("crate::", "::")):
        return path
    if path.partition("::")[0] in {"self", "super"}:
        return "::".join(("self", *inside, path))
    return path


RUST = Tabled(
    "rust",
    frozenset({".rs"}),
    partial(parsed, "tree_sitter_rust"),
    _TABLE,
    _references,
    resolve_modules,
)
