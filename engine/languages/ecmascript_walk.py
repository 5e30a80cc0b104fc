"""Walk the statements of a file once and note what it shows and takes."""

from collections.abc import Iterator
from dataclasses import replace

from tree_sitter import Node

from engine.languages.ecmascript_commonjs import (
    assign,
    chain,
    read_alias_of_exports,
    read_defined_property,
)
from engine.languages.ecmascript_declarations import declared
from engine.languages.ecmascript_declared import Declared, Scope, documented
from engine.languages.ecmascript_requires import Required
from engine.languages.ecmascript_statements import export_list, imported, passed_on, source_of
from engine.languages.ecmascript_surface import Surface, export_value
from engine.languages.language import Binding, Reference

_BLOCKS = frozenset({"if_statement", "else_clause", "statement_block", "try_statement"})


def read_surface(root: Node, scope: Scope, *, required: list[Required]) -> Surface:
    """Walk the statements of a file; what stands in functions is nobody else's."""
    surface = Surface(is_module=any(each.is_node for each in required))
    waiting = [documented(root.children)]
    while waiting:
        node, doc = next(waiting[-1], (None, ""))
        if node is None:
            waiting.pop()
        elif node.type in _BLOCKS:
            waiting.append(documented(node.named_children))
        else:
            _read(node, doc, scope, surface)
    return surface


def _read(node: Node, doc: str, scope: Scope, surface: Surface) -> None:
    match node.type:
        case "import_statement":
            surface.is_module = True
            _refer(node, imported(node), surface)
        case "export_statement":
            surface.is_module = True
            _read_export(node, doc, scope, surface)
        case "expression_statement":
            _read_expression(node, doc, scope, surface)
        case _:
            read_alias_of_exports(node, scope, surface)
            _declare(node, doc, scope, surface)


def _refer(node: Node, bindings: Iterator[Binding], surface: Surface) -> None:
    text = source_of(node)
    if text is not None:
        surface.references.append((node.start_byte, Reference(text, tuple(bindings))))


def _declare(node: Node, doc: str, scope: Scope, surface: Surface) -> None:
    for each in declared(node, scope):
        # What is added to another module or to all of them is seen whatever is exported.
        ambient = node.type == "ambient_declaration" and each.kind in {"module", "global"}
        (surface.shown if ambient else surface.locals).append(_placed(each, doc, node))
    body = node.named_child(node.named_child_count - 1) if node.named_child_count else None
    if node.type == "ambient_declaration" and body is not None:
        _read_ambient_imports(body, surface)


def _read_ambient_imports(node: Node, surface: Surface) -> None:
    body = node.child_by_field_name("body") or node
    for child in body.children if body.type == "statement_block" else ():
        if child.type == "import_statement":
            _refer(child, imported(child), surface)
        elif child.type == "export_statement":
            _refer(child, passed_on(child), surface)


def _placed(each: Declared, doc: str, statement: Node) -> Declared:
    """The first line is the statement's, `export` and decorators included."""
    return replace(each, doc=each.doc or doc, start=min(each.start, statement.start_byte))


def _read_export(node: Node, doc: str, scope: Scope, surface: Surface) -> None:
    declaration, value = node.child_by_field_name("declaration"), _exported_value(node)
    words = {child.type for child in node.children if not child.is_named}
    if node.child_by_field_name("source") is not None:
        _refer(node, passed_on(node), surface)
    elif declaration is not None and "default" in words:
        for each in declared(declaration, scope):
            _show(_placed(each, doc, node), "default", surface)
    elif declaration is not None:
        for each in declared(declaration, scope):
            _show(_placed(each, doc, node), each.name, surface)
    elif value is not None:
        export_value("default", value, doc, scope, surface, at=node)
    elif "namespace" not in words:
        surface.export(export_list(node), node)


def _show(each: Declared, name: str, surface: Surface) -> None:
    """Export what is declared on the spot; it keeps its local name for what is attached to it."""
    surface.locals.append(each)
    surface.exports.setdefault((each.name, name), each.start)


def _exported_value(node: Node) -> Node | None:
    """The expression of `export default x` and `export = x`."""
    value = node.child_by_field_name("value")
    if value is None and any(child.type == "=" for child in node.children):
        value = node.named_child(node.named_child_count - 1)
    return value


def _read_expression(node: Node, doc: str, scope: Scope, surface: Surface) -> None:
    inner = node.named_child(0) if node.named_child_count else None
    if inner is None:
        return
    if inner.type == "assignment_expression":
        targets, value = chain(inner)
        assign(targets, value, doc, scope, surface, at=node)
    elif inner.type == "call_expression":
        read_defined_property(inner, doc, surface)
    else:
        _declare(node, doc, scope, surface)
