"""Exports that are assignments: CommonJS, and methods that are put on a prototype."""

import re
from collections.abc import Iterator
from dataclasses import replace

from tree_sitter import Node

from engine.languages.ecmascript_declarations import declared_value
from engine.languages.ecmascript_declared import (
    CLASSES,
    FUNCTIONS,
    Declared,
    Scope,
    name_of,
    text_of,
    unwrapped,
)
from engine.languages.ecmascript_members import object_members
from engine.languages.ecmascript_surface import Surface, export_value

_WHOLE = frozenset({"module.exports", "exports"})
_MEMBER = re.compile(r"(?:module\.)?(exports|[\w$]+?)(\.prototype)?\.([\w$]+)")
_LONGEST_NAME = 500


def read_alias_of_exports(node: Node, scope: Scope, surface: Surface) -> None:
    """`var app = exports = module.exports = {...}` makes `app` another name of the exports."""
    if node.type not in {"variable_declaration", "lexical_declaration"}:
        return
    for declarator in node.named_children:
        value = declarator.child_by_field_name("value")
        if value is None or value.type not in {"assignment_expression", "member_expression"}:
            continue
        targets, last = chain(value)
        if _WHOLE.intersection(targets) or text_of(last) in _WHOLE:
            surface.aliases.add(text_of(declarator.child_by_field_name("name")))
            assign(targets, last, "", scope, surface, at=node)


def assign(
    targets: list[str], value: Node | None, doc: str, scope: Scope, surface: Surface, *, at: Node
) -> None:
    """CommonJS exports, and methods that are put on a prototype."""
    if _WHOLE.intersection(targets):
        surface.is_module = True
        _assign_whole(value, doc, scope, surface, at=at)
    for target in targets:
        match = _MEMBER.fullmatch(target)
        if match is None or target in _WHOLE or value is None:
            continue
        owner, name = match[1], match[3]
        if owner == "exports" or owner in surface.aliases:
            surface.is_module = True
            _assign_named(name, value, doc, scope, surface, at=at)
        else:
            each = replace(declared_value(name, value, scope, at=at), doc=doc)
            surface.attached.append((owner, each))


def _assign_named(
    name: str, value: Node, doc: str, scope: Scope, surface: Surface, *, at: Node
) -> None:
    # Compilers write `exports.x = void 0` before anything else; the value comes later.
    if value.type != "unary_expression" and not _requires(value):
        export_value(name, value, doc, scope, surface, at=at)


def _assign_whole(
    value: Node | None, doc: str, scope: Scope, surface: Surface, *, at: Node
) -> None:
    value = unwrapped(value)
    if value is None:
        return
    if value.type == "object":
        surface.export(_named_by_value(value), value)
        passed = {name for _, name in surface.exports}
        members = (each for each in object_members(value, scope) if each.name not in passed)
        surface.shown.extend(members)
    elif value.type in FUNCTIONS | CLASSES | {"identifier"}:
        export_value("default", value, doc, scope, surface, at=at)
    elif not _requires(value) and text_of(value) not in _WHOLE:
        surface.shown.append(Declared("default", "constant", at.start_byte, at.end_byte, "const"))


def _named_by_value(node: Node) -> Iterator[tuple[str, str]]:
    """The local and the exported name of `{a, b: c}`."""
    for member in node.named_children:
        value = member.child_by_field_name("value") if member.type == "pair" else member
        if value is not None and value.type in {"identifier", "shorthand_property_identifier"}:
            yield text_of(value), name_of(member.child_by_field_name("key") or member)


def _requires(value: Node) -> bool:
    return value.type in {"call_expression", "member_expression"} and text_of(value).startswith(
        "require("
    )


def chain(assignment: Node) -> tuple[list[str], Node | None]:
    """The targets of `a = b = value`, and the value."""
    targets, value = [], assignment
    while value.type == "assignment_expression":
        targets.append("".join(text_of(value.child_by_field_name("left"))[:_LONGEST_NAME].split()))
        following = value.child_by_field_name("right")
        if following is None:
            return targets, None
        value = following
    return targets, value


def read_defined_property(call: Node, doc: str, surface: Surface) -> None:
    """`Object.defineProperty(exports, "x", ...)`, as compilers write a getter."""
    arguments = call.child_by_field_name("arguments")
    if text_of(call.child_by_field_name("function")) != "Object.defineProperty" or not arguments:
        return
    first = arguments.named_children[:2]
    if len(first) == 2 and text_of(first[0]) in _WHOLE and first[1].type == "string":
        surface.is_module = True
        name = name_of(first[1])
        if name != "__esModule":
            start, end = call.start_byte, call.end_byte
            surface.shown.append(Declared(name, "constant", start, end, "const", doc=doc))
