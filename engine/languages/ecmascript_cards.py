"""The card classes of a module: what type each field has, and which names types go by."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace

from tree_sitter import Node

from engine.languages.ecmascript_declared import Declared, name_of, text_of
from engine.languages.ecmascript_grammars import Grammar, Parsed
from engine.languages.ecmascript_marks import PASSED, TYPE
from engine.languages.language import Binding, Declaration, Reference
from engine.languages.ruler import Ruler
from prewarm import Symbol

_KINDS = frozenset({"contains", "containsMany", "linksTo", "linksToMany"})
_LONGEST_TYPE = 100

_FIELDS = "(public_field_definition decorator: (decorator (identifier))) @field"
_UNTYPED_FIELDS = "(field_definition decorator: (decorator (identifier))) @field"
_BASES = "(class_heritage (extends_clause value: (identifier) @type))"
_UNTYPED_BASES = "(class_heritage (identifier) @type)"


def card_field(node: Node) -> str | None:
    """`contains(StringField)` of `@field name = contains(StringField)`; nothing for others."""
    call = node.child_by_field_name("value")
    function = text_of(call.child_by_field_name("function")) if call is not None else ""
    if call is None or call.type != "call_expression" or function not in _KINDS:
        return None
    if not any(text_of(child) == "@field" for child in node.children_by_field_name("decorator")):
        return None
    arguments = call.child_by_field_name("arguments")
    given = (
        [each for each in arguments.named_children if each.type != "comment"] if arguments else []
    )
    computed = ", computed" if any(map(_computes, given[1:])) else ""
    return f"{function}({_type_name(given[0]) if given else ''}{computed})"


def display_name(node: Node) -> str | None:
    """The text of `static displayName = "Person"`; nothing for others."""
    value = node.child_by_field_name("value")
    name = node.child_by_field_name("name") or node.child_by_field_name("property")
    static = any(child.type == "static" for child in node.children)
    if not static or value is None or value.type != "string" or text_of(name) != "displayName":
        return None
    return f"= {' '.join(text_of(value)[1:-1].split())}"


def kept_classes(
    found: Iterable[Declared], exported: Container[str], parsed: Parsed
) -> Iterator[Declared]:
    """The classes that a module keeps to itself and that its types are made of.

    They are known as `type Name`, with what makes them card classes.
    """
    kept = [each for each in found if each.kind == "class" and each.name not in exported]
    used = _types_used(parsed) if kept else {}
    for each in kept:
        if each.name in used:
            members = tuple(m for m in each.members if m.head == "@field" or _is_shown(m))
            tail = each.tail or " "
            yield replace(each, name=TYPE + each.name, head="class", tail=tail, members=members)


def passed_from_outside(references: Iterable[Reference]) -> Iterator[Symbol]:
    """What a module passes on from others that are no paths: where these are not in the realm,
    it is all that tells of them.
    """
    for reference in references:
        if not reference.text.startswith((".", "/")):
            for each in reference.bindings:
                if each.exported and not each.local.startswith(TYPE):
                    source = f"{reference.text}#{each.name}"
                    yield Symbol(PASSED + each.local, "import", source)


def passing_types(
    references: Sequence[Reference], parsed: Parsed, ruler: Ruler
) -> tuple[tuple[Reference, ...], tuple[Declaration, ...]]:
    """The references, also exporting what classes extend and fields hold, and their symbols."""
    used = _types_used(parsed)
    if not used:
        return tuple(references), ()
    declared = [
        _imported(reference, binding, ruler.line(used[binding.local]))
        for reference in references
        for binding in reference.bindings
        if binding.local in used and not binding.exported
    ]
    passed = tuple(Reference(each.text, _passed(each.bindings, used)) for each in references)
    return passed, tuple(declared)


def _is_shown(member: Declared) -> bool:
    return member.name == "displayName" and member.tail.startswith("= ")


def _types_used(parsed: Parsed) -> dict[str, int]:
    """The names of types, each with the offset where it is used first."""
    untyped = parsed.grammar is Grammar.JAVASCRIPT
    patterns = (_UNTYPED_BASES + _UNTYPED_FIELDS) if untyped else (_BASES + _FIELDS)
    used: dict[str, int] = {}
    for match in parsed.matches(patterns):
        node = match["type"] if "type" in match else match["field"]
        name = text_of(node) if "type" in match else _field_type(node)
        used[name] = min(node.start_byte, used.get(name, node.start_byte))
    return used


def _field_type(node: Node) -> str:
    return (card_field(node) or "").partition("(")[2].rstrip(")").partition(",")[0]


def _imported(reference: Reference, binding: Binding, line: int) -> Declaration:
    symbol = Symbol(TYPE + binding.local, "import", f"{reference.text}#{binding.name}")
    return Declaration(symbol, "", line, line)


def _passed(bindings: Iterable[Binding], used: dict[str, int]) -> tuple[Binding, ...]:
    return tuple(each for binding in bindings for each in _with_type(binding, used))


def _with_type(binding: Binding, used: dict[str, int]) -> Iterator[Binding]:
    yield binding
    if binding.local in used and not binding.exported:
        yield Binding(binding.name, TYPE + binding.local, exported=True)


def _type_name(node: Node) -> str:
    """The type that an argument names, by itself or as `() => Person`."""
    if node.type == "arrow_function":
        node = node.child_by_field_name("body") or node
    text = "".join(text_of(node).split())
    return text[:_LONGEST_TYPE].translate({ord(c): None for c in "(),"})


def _computes(node: Node) -> bool:
    members = node.named_children if node.type == "object" else []
    names = (
        each.child_by_field_name("key") or each.child_by_field_name("name") for each in members
    )
    return any(name_of(name) == "computeVia" for name in names if name is not None)
