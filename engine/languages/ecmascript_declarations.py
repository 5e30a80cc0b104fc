"""What a statement of JavaScript or TypeScript declares. Knows nothing of exports."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tree_sitter import Node

from engine.languages.ecmascript_declared import (
    CLASSES,
    FUNCTIONS,
    Declared,
    Scope,
    async_head,
    call_form,
    documented,
    name_of,
    text_of,
    unwrapped,
)
from engine.languages.ecmascript_members import class_members, enum_members, object_members

_DEEPEST = 12


def declared(node: Node, scope: Scope) -> tuple[Declared, ...]:
    """What a declaration declares, without its documentation; nothing for other statements."""
    read = _READERS.get(node.type)
    return () if read is None else tuple(read(node, scope))


def declared_value(name: str, value: Node | None, scope: Scope, *, at: Node) -> Declared:
    """A name that stands for a value: what the value declares, else a constant."""
    value = unwrapped(value)
    if value is None:
        return Declared(name, "constant", at.start_byte, at.end_byte, "const")
    if value.type in FUNCTIONS:
        return replace(_function(value, scope), name=name, start=at.start_byte, end=at.end_byte)
    if value.type in CLASSES:
        return replace(_class(value, scope), name=name, start=at.start_byte, end=at.end_byte)
    members = object_members(value, scope) if value.type == "object" else ()
    return Declared(name, "constant", at.start_byte, at.end_byte, "const", members=tuple(members))


def bound_names(pattern: Node | None) -> Iterator[tuple[str, str]]:
    """The names that a destructuring pattern binds, each with the property it comes from.

    The property is empty where it is not one of the object itself.
    """
    waiting = [] if pattern is None else [(pattern, "")]
    while waiting:
        node, source = waiting.pop()
        if node.type in {"identifier", "shorthand_property_identifier_pattern"}:
            yield text_of(node), source
        else:
            waiting.extend(reversed(list(_pattern_parts(node, pattern))))


def _pattern_parts(node: Node, outermost: Node | None) -> Iterator[tuple[Node, str]]:
    direct = outermost is not None and node.id == outermost.id and node.type == "object_pattern"
    for child in node.named_children:
        key = child.child_by_field_name("key")
        inner = child.child_by_field_name("value") or child.child_by_field_name("left") or child
        inner = inner.child_by_field_name("left") or inner
        if inner.type == "comment":
            continue
        plain = inner.type in {"identifier", "shorthand_property_identifier_pattern"}
        yield inner, name_of(key or inner) if direct and plain else ""


def _function(node: Node, scope: Scope) -> Declared:
    head = f"{async_head(node, scope)} function".lstrip()
    if node.type.startswith("generator"):
        head += " *"
    name = name_of(node.child_by_field_name("name"))
    return Declared(name, "function", node.start_byte, node.end_byte, head, call_form(node, scope))


def _functions(node: Node, scope: Scope) -> Iterator[Declared]:
    yield _function(node, scope)


def _class(node: Node, scope: Scope) -> Declared:
    head = "abstract class" if node.type.startswith("abstract") else "class"
    return _with_body(node, scope, kind="class", head=head)


def _classes(node: Node, scope: Scope) -> Iterator[Declared]:
    yield _class(node, scope)


def _interfaces(node: Node, scope: Scope) -> Iterator[Declared]:
    yield _with_body(node, scope, kind="interface", head="interface")


def _with_body(node: Node, scope: Scope, *, kind: str, head: str) -> Declared:
    """A class or an interface: the tail is what stands between its name and its body."""
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    start = node.start_byte if name is None else name.end_byte
    end = node.end_byte if body is None else body.start_byte
    tail = scope.form(start, end)
    return Declared(
        name_of(name),
        kind,
        node.start_byte,
        node.end_byte,
        head,
        tail if name else tail.partition("class")[2].lstrip(),
        members=() if body is None else tuple(class_members(body, scope)),
    )


def _types(node: Node, scope: Scope) -> Iterator[Declared]:
    name = node.child_by_field_name("name")
    tail = scope.form(name.end_byte, node.end_byte) if name else ""
    yield Declared(name_of(name), "type", node.start_byte, node.end_byte, "type", tail)


def _enums(node: Node, scope: Scope) -> Iterator[Declared]:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    head = scope.form(node.start_byte, name.start_byte) if name else "enum"
    members = () if body is None else tuple(enum_members(body, scope))
    start, end = node.start_byte, node.end_byte
    yield Declared(name_of(name), "enum", start, end, head, members=members)


def _variables(node: Node, scope: Scope) -> Iterator[Declared]:
    word = text_of(node.child(0)) or "var"
    declarators = [child for child in node.named_children if child.type == "variable_declarator"]
    for each in declarators:
        # The documentation and the lines are those of the statement where it declares one name.
        at = node if len(declarators) == 1 else each
        yield from _declarator(each, word, scope, at)


def _declarator(node: Node, word: str, scope: Scope, at: Node) -> Iterator[Declared]:
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    annotation = node.child_by_field_name("type")
    start, end = at.start_byte, at.end_byte
    kind = "constant" if word == "const" else "variable"
    if name is None or name.type != "identifier":
        yield from (Declared(n, kind, start, end, word) for n, _ in bound_names(name))
        return
    found = declared_value(text_of(name), value, scope, at=at)
    found = replace(found, kind=kind, head=word) if found.kind == "constant" else found
    if annotation is not None:
        tail = scope.form(annotation.start_byte, annotation.end_byte)
        found = replace(found, head=word, tail=tail)
    yield found


def _namespaces(node: Node, scope: Scope) -> Iterator[Declared]:
    """A namespace with what it exports; where it only declares, that is everything."""
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    kind = "module" if node.type == "module" and name and name.type == "string" else "namespace"
    members = () if body is None else tuple(_namespace_members(body, scope))
    start, end = node.start_byte, node.end_byte
    yield Declared(name_of(name), kind, start, end, kind, members=members)


def _namespace_members(body: Node, scope: Scope) -> Iterator[Declared]:
    inner = replace(scope, depth=scope.depth + 1)
    for node, doc in documented(body.children) if inner.depth < _DEEPEST else ():
        exported = node.type == "export_statement"
        if exported or scope.ambient:
            within = node.child_by_field_name("declaration") if exported else node
            found = declared(within, inner) if within is not None else ()
            yield from (replace(each, doc=doc) for each in found)


def _ambient(node: Node, scope: Scope) -> Iterator[Declared]:
    scope = replace(scope, ambient=True)
    body = next((child for child in node.named_children if child.type == "statement_block"), None)
    if body is not None:
        members = tuple(_namespace_members(body, scope))
        start, end = node.start_byte, node.end_byte
        yield Declared("global", "global", start, end, "declare", members=members)
    for child in node.named_children:
        yield from declared(child, scope)


def _expressions(node: Node, scope: Scope) -> Iterator[Declared]:
    """The grammar takes a namespace for an expression when nothing stands before it."""
    inner = node.named_child(0) if node.named_child_count else None
    if inner is not None and inner.type in {"internal_module", "module"}:
        yield from _namespaces(inner, scope)


def _aliases(node: Node, scope: Scope) -> Iterator[Declared]:
    names = [child for child in node.named_children if child.type != "comment"]
    if len(names) == 2:
        tail = scope.form(names[0].end_byte, node.end_byte)
        start, end = node.start_byte, node.end_byte
        # The grammar reads the head of `export import x = require("y")` as an alias.
        if tail != "= require":
            yield Declared(text_of(names[0]), "alias", start, end, "import", tail)


_READERS: dict[str, Callable[[Node, Scope], Iterator[Declared]]] = {
    "abstract_class_declaration": _classes,
    "ambient_declaration": _ambient,
    "class_declaration": _classes,
    "enum_declaration": _enums,
    "expression_statement": _expressions,
    "function_declaration": _functions,
    "function_signature": _functions,
    "generator_function_declaration": _functions,
    "import_alias": _aliases,
    "interface_declaration": _interfaces,
    "internal_module": _namespaces,
    "lexical_declaration": _variables,
    "module": _namespaces,
    "type_alias_declaration": _types,
    "variable_declaration": _variables,
}
