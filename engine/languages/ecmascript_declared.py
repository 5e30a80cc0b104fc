"""What a statement of JavaScript or TypeScript declares. Knows nothing of exports."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tree_sitter import Node

from engine.languages.ecmascript_signatures import normal_form

FUNCTIONS = frozenset(
    {"arrow_function", "function_expression", "generator_function", "function_declaration"}
    | {"generator_function_declaration", "function_signature"}
)
CLASSES = frozenset({"class", "class_declaration", "abstract_class_declaration"})
_WRAPPERS = frozenset({"as_expression", "satisfies_expression", "parenthesized_expression"})
_UNSEEN = re.compile(r"\s*(?:@|(?:public|override|declare)\b)")
_STAR = re.compile(r"^/\*\*|\*/$|^[ \t]*\*(?!/)[ \t]?", re.MULTILINE)
_DEEPEST = 12


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


def object_members(node: Node, scope: Scope) -> Iterator[Declared]:
    """The properties of an object literal, without those of a spread."""
    for member, doc in documented(node.children):
        if member.type == "method_definition":
            yield replace(_member(member, scope), doc=doc)
        elif member.type == "shorthand_property_identifier":
            name = text_of(member)
            yield Declared(name, "property", member.start_byte, member.end_byte, doc=doc)
        elif member.type == "pair":
            yield replace(_pair(member, scope), doc=doc)


def name_of(node: Node | None) -> str:
    """The name that a node writes, without quotes; a computed one stays in brackets."""
    text = text_of(node)
    if node is not None and node.type == "string":
        return text[1:-1]
    return text if text.isidentifier() else normal_form(text)


def _freezes(call: Node) -> bool:
    return text_of(call.child_by_field_name("function")) == "Object.freeze"


def _cleaned(comment: str) -> str:
    lines = (line.strip() for line in _STAR.sub("", comment).splitlines())
    return "\n".join(line for line in lines if line)


def _pair(node: Node, scope: Scope) -> Declared:
    value = unwrapped(node.child_by_field_name("value"))
    name = name_of(node.child_by_field_name("key"))
    if value is not None and value.type in FUNCTIONS:
        head, tail = _head(value, scope), _call(value, scope)
        return Declared(name, "method", node.start_byte, node.end_byte, head, tail)
    return Declared(name, "property", node.start_byte, node.end_byte)


def _function(node: Node, scope: Scope) -> Declared:
    head = f"{_head(node, scope)} function".lstrip()
    if node.type.startswith("generator"):
        head += " *"
    name = name_of(node.child_by_field_name("name"))
    return Declared(name, "function", node.start_byte, node.end_byte, head, _call(node, scope))


def _head(function: Node, scope: Scope) -> str:
    first = function.child(0)
    return "async" if first is not None and first.type == "async" else ""


def _call(node: Node, scope: Scope) -> str:
    """Type parameters, parameters and return type of anything that can be called."""
    single = node.child_by_field_name("parameter")
    if single is not None:
        return f"({scope.form(single.start_byte, single.end_byte)})"
    fields = ("type_parameters", "parameters", "return_type")
    parts = [part for name in fields if (part := node.child_by_field_name(name)) is not None]
    return scope.form(parts[0].start_byte, parts[-1].end_byte) if parts else "()"


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
        members=() if body is None else tuple(_members(body, scope)),
    )


def _members(body: Node, scope: Scope) -> Iterator[Declared]:
    """The members that others can see."""
    for node, doc in documented(body.children):
        if node.type in _MEMBERS and not _is_private(node):
            yield replace(_member(node, scope), doc=doc)
            yield from _parameter_properties(node, scope)


def _is_private(node: Node) -> bool:
    modifiers = (child for child in node.children if child.type == "accessibility_modifier")
    name = node.child_by_field_name("name") or node.child_by_field_name("property")
    hidden = name is not None and name.type == "private_property_identifier"
    return hidden or any(text_of(modifier) == "private" for modifier in modifiers)


def _member(node: Node, scope: Scope) -> Declared:
    name = node.child_by_field_name("name") or node.child_by_field_name("property")
    value = unwrapped(node.child_by_field_name("value"))
    if name is None or node.type == "index_signature":
        return _unnamed_member(node, scope)
    head = _modifiers(node, name, scope)
    kind = _MEMBERS[node.type]
    tail = scope.form(name.end_byte, _signature_end(node))
    if value is not None and value.type in FUNCTIONS and not tail:
        kind, tail = "method", _call(value, scope)
        head = f"{head} {_head(value, scope)}".strip()
    words = head.split()
    if kind == "method" and words and words[-1] in {"get", "set"}:
        kind = f"{words[-1]}ter"
    return Declared(name_of(name), kind, node.start_byte, node.end_byte, head, tail)


def _unnamed_member(node: Node, scope: Scope) -> Declared:
    names = {"construct_signature": "new", "call_signature": "()", "index_signature": "[]"}
    name, kind = names.get(node.type, ""), _MEMBERS.get(node.type, "method")
    tail = scope.form(node.start_byte, node.end_byte)
    return Declared(name, kind, node.start_byte, node.end_byte, tail=tail, nameless=True)


def _modifiers(node: Node, name: Node, scope: Scope) -> str:
    seen = (c for c in node.children if c.end_byte <= name.start_byte and c.type != "comment")
    return " ".join(t for c in seen if not _UNSEEN.match(t := text_of(c)))


def _signature_end(node: Node) -> int:
    """Where the body or the value of a member begins, else where its type ends."""
    body, value = node.child_by_field_name("body"), node.child_by_field_name("value")
    if body is not None:
        return body.start_byte
    if value is None:
        return node.end_byte
    equals = (c.start_byte for c in node.children if c.type == "=")
    return next(equals, value.start_byte)


def _parameter_properties(node: Node, scope: Scope) -> Iterator[Declared]:
    """The fields that a constructor of TypeScript declares by modifiers of its parameters."""
    if text_of(node.child_by_field_name("name")) != "constructor":
        return
    parameters = node.child_by_field_name("parameters")
    for parameter in parameters.named_children if parameters else ():
        pattern = parameter.child_by_field_name("pattern")
        modifiers = [text_of(c) for c in parameter.children if c.type in _FIELD_MODIFIERS]
        if pattern is None or not modifiers or "private" in modifiers:
            continue
        head = " ".join(modifier for modifier in modifiers if modifier != "public")
        tail = scope.form(pattern.end_byte, _signature_end(parameter))
        start, end = parameter.start_byte, parameter.end_byte
        yield Declared(text_of(pattern), "field", start, end, head, tail)


def _types(node: Node, scope: Scope) -> Iterator[Declared]:
    name = node.child_by_field_name("name")
    tail = scope.form(name.end_byte, node.end_byte) if name else ""
    yield Declared(name_of(name), "type", node.start_byte, node.end_byte, "type", tail)


def _enums(node: Node, scope: Scope) -> Iterator[Declared]:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    head = scope.form(node.start_byte, name.start_byte) if name else "enum"
    members = () if body is None else tuple(_enum_members(body, scope))
    start, end = node.start_byte, node.end_byte
    yield Declared(name_of(name), "enum", start, end, head, members=members)


def _enum_members(body: Node, scope: Scope) -> Iterator[Declared]:
    for node, doc in documented(body.children):
        name = node.child_by_field_name("name") or node
        tail = scope.form(name.end_byte, node.end_byte)
        start, end = node.start_byte, node.end_byte
        yield Declared(name_of(name), "member", start, end, tail=tail, doc=doc)


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


_MEMBERS = {
    "abstract_method_signature": "method",
    "call_signature": "method",
    "construct_signature": "method",
    "field_definition": "field",
    "index_signature": "field",
    "method_definition": "method",
    "method_signature": "method",
    "property_signature": "field",
    "public_field_definition": "field",
}
_FIELD_MODIFIERS = frozenset({"accessibility_modifier", "readonly", "override_modifier"})
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
