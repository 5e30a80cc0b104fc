"""The members of classes, interfaces, enums and object literals, as others see them."""

import re
from collections.abc import Iterator
from dataclasses import replace

from tree_sitter import Node

from engine.languages.ecmascript_cards import card_field, display_name
from engine.languages.ecmascript_declared import (
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

_UNSEEN = re.compile(r"\s*(?:@|(?:public|override|declare)\b)")
_FIELD_MODIFIERS = frozenset({"accessibility_modifier", "readonly", "override_modifier"})
_KINDS = {
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


def class_members(body: Node, scope: Scope) -> Iterator[Declared]:
    """The members that others can see."""
    for node, doc in documented(body.children):
        if node.type in _KINDS and not _is_private(node):
            yield replace(_member(node, scope), doc=doc)
            yield from _parameter_properties(node, scope)


def enum_members(body: Node, scope: Scope) -> Iterator[Declared]:
    for node, doc in documented(body.children):
        name = node.child_by_field_name("name") or node
        tail = scope.form(name.end_byte, node.end_byte)
        start, end = node.start_byte, node.end_byte
        yield Declared(name_of(name), "member", start, end, tail=tail, doc=doc)


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
    if (field := card_field(node)) is not None:
        return Declared(name_of(name), "field", node.start_byte, node.end_byte, "@field", field)
    head = _modifiers(node, name, scope)
    kind = _KINDS[node.type]
    tail = scope.form(name.end_byte, _signature_end(node))
    if value is not None and value.type in FUNCTIONS and not tail:
        kind, tail = "method", call_form(value, scope)
        head = f"{head} {async_head(value, scope)}".strip()
    if (shown := display_name(node)) is not None:
        tail = shown
    words = head.split()
    if kind == "method" and words and words[-1] in {"get", "set"}:
        kind = f"{words[-1]}ter"
    return Declared(name_of(name), kind, node.start_byte, node.end_byte, head, tail)


def _unnamed_member(node: Node, scope: Scope) -> Declared:
    names = {"construct_signature": "new", "call_signature": "()", "index_signature": "[]"}
    name, kind = names.get(node.type, ""), _KINDS.get(node.type, "method")
    tail = scope.form(node.start_byte, node.end_byte)
    return Declared(name, kind, node.start_byte, node.end_byte, tail=tail, nameless=True)


def _modifiers(node: Node, name: Node, scope: Scope) -> str:
    seen = (c for c in node.children if c.end_byte <= name.start_byte and c.type != "comment")
    words = (t for c in seen if not _UNSEEN.match(t := text_of(c)))
    # What is between could be an error that reaches over lines.
    return " ".join(" ".join(words).split())


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


def _pair(node: Node, scope: Scope) -> Declared:
    value = unwrapped(node.child_by_field_name("value"))
    name = name_of(node.child_by_field_name("key"))
    if value is not None and value.type in FUNCTIONS:
        head, tail = async_head(value, scope), call_form(value, scope)
        return Declared(name, "method", node.start_byte, node.end_byte, head, tail)
    return Declared(name, "property", node.start_byte, node.end_byte)
