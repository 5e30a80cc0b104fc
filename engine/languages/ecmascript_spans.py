"""Where the functions, classes and other definitions of a file stand, nested ones included."""

import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from engine.languages.chunks import Span
from engine.languages.ecmascript_declared import CLASSES, FUNCTIONS, name_of
from engine.languages.ecmascript_grammars import Grammar, Parsed

_CALLABLE = "[(arrow_function) (function_expression) (generator_function) (class)]"
_DECLARATOR = f"(variable_declarator name: (identifier) @name value: {_CALLABLE} @value)"
_STATED = "(variable_declarator name: (identifier) @name)"
_ASSIGNMENT = (
    f"(assignment_expression left: [(identifier) (member_expression)] @name"
    f" right: {_CALLABLE} @value)"
)
# A definition matches once by itself and once with each of the nodes that belong to it.
_PATTERNS = f"""
(function_declaration name: (_) @name) @span
(generator_function_declaration name: (_) @name) @span
(class_declaration name: (_) @name) @span
(method_definition name: (_) @name) @span
(export_statement declaration: (_ name: (_) @name)) @span
(export_statement value: [{_CALLABLE[1:-1]} (object)] @value) @span
{_DECLARATOR} @span
(lexical_declaration . {_DECLARATOR} .) @span
(variable_declaration . {_DECLARATOR} .) @span
(export_statement declaration: (lexical_declaration . {_DECLARATOR} .)) @span
(program (lexical_declaration . {_STATED} .) @span)
(program (export_statement declaration: (lexical_declaration . {_STATED} .)) @span)
{_ASSIGNMENT} @span
(expression_statement {_ASSIGNMENT}) @span
(pair key: (_) @name value: {_CALLABLE} @value) @span
"""
_UNTYPED = f"(field_definition property: (_) @name value: {_CALLABLE} @value) @span"
_TYPED = f"""
(public_field_definition name: (_) @name value: {_CALLABLE} @value) @span
(abstract_class_declaration name: (_) @name) @span
(interface_declaration name: (_) @name) @span
(enum_declaration name: (_) @name) @span
(type_alias_declaration name: (_) @name) @span
(internal_module name: (_) @name) @span
(module name: (_) @name) @span
(function_signature name: (_) @name) @span
(expression_statement (internal_module name: (_) @name)) @span
(ambient_declaration (_ name: (_) @name)) @span
(export_statement declaration: (ambient_declaration (_ name: (_) @name))) @span
"""
_KINDS = {
    "interface_declaration": "interface",
    "enum_declaration": "enum",
    "type_alias_declaration": "type",
    "internal_module": "namespace",
    "module": "namespace",
    "method_definition": "method",
    "field_definition": "method",
    "public_field_definition": "method",
    "pair": "method",
}
_EXPORTS = re.compile(r"(?:module\.)?exports\.|\.prototype\b|\bthis\.|^module\.exports$")
_LONGEST_NAME = 120
_DEEPEST = 8


def definition_spans(parsed: Parsed) -> list[Span]:
    """The spans of all definitions, symbols dotted by what they stand in."""
    patterns = _PATTERNS + (_UNTYPED if parsed.grammar is Grammar.JAVASCRIPT else _TYPED)
    widest: dict[int, Span] = {}
    for each in parsed.matches(patterns):
        span, named = _span(each), each.get("name", each["span"])
        known = widest.get(named.start_byte, span)
        widest[named.start_byte] = _wider(known, span)
    return list(_dotted(widest.values()))


def _span(each: dict[str, Node]) -> Span:
    node = each["span"]
    return Span(node.start_byte, node.end_byte, _name(each.get("name")), _kind(node, each))


def _name(node: Node | None) -> str:
    if node is None:
        return "default"
    if node.end_byte - node.start_byte > _LONGEST_NAME:
        return ""
    return _EXPORTS.sub("", name_of(node)).lstrip(".") or "default"


def _kind(node: Node, each: dict[str, Node]) -> str:
    value = each.get("value")
    if (value is not None and value.type in CLASSES) or node.type in CLASSES:
        return "class"
    if node.type in _KINDS:
        return _KINDS[node.type]
    if (value is not None and value.type in FUNCTIONS) or node.type in FUNCTIONS:
        return "function"
    return ""


def _wider(one: Span, other: Span) -> Span:
    """The range of the wider and the kind that either knows."""
    start, end = min(one.start, other.start), max(one.end, other.end)
    return Span(start, end, one.symbol, one.kind or other.kind)


def _dotted(spans: Iterable[Span]) -> Iterator[Span]:
    """Name each span after those around it; what is nested too deep has no name of its own."""
    around: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        while around and around[-1].end <= span.start:
            around.pop()
        if len(around) >= _DEEPEST or not span.symbol:
            continue
        symbol = f"{around[-1].symbol}.{span.symbol}" if around else span.symbol
        around.append(Span(span.start, span.end, symbol, span.kind or "constant"))
        yield around[-1]
