"""A schema in one line, like a type of TypeScript, without what only people read.

`{id: integer(int64), name?: string, owner: @User, tags: string[]}`
"""

from collections.abc import Callable, Iterator
from typing import Any

from engine.sources.openapi.values import items, line, literal, mapping, members

# Deeper inline schemas, and more values of an enumeration, are not shown.
MAX_INLINE = 12
MAX_VALUES = 60

_BOUNDS = (
    ("format", "{}"), ("minimum", ">={}"), ("exclusiveMinimum", ">{}"), ("maximum", "<={}"),
    ("exclusiveMaximum", "<{}"), ("multipleOf", "multiple of {}"), ("minLength", "length>={}"),
    ("maxLength", "length<={}"), ("minItems", "items>={}"), ("maxItems", "items<={}"),
    ("pattern", "/{}/"), ("contentEncoding", "{}"),
)  # fmt: skip
_COMBINING = frozenset({"allOf", "oneOf", "anyOf", "not", "discriminator"})
# Where a dynamic reference may lead to several places, it is taken for the first.
_REFERRING = ("$ref", "$dynamicRef", "$recursiveRef")
_CONDITIONS = (
    ("contains", "contains {}"), ("propertyNames", "named {}"), ("if", "if {}"),
    ("then", "then {}"), ("else", "else {}"), ("unevaluatedProperties", "others {}"),
    ("unevaluatedItems", "other items {}"), ("contentSchema", "content {}"),
)  # fmt: skip
_CONDITIONAL = frozenset({"dependentSchemas", *(name for name, _ in _CONDITIONS)})
_FLAGS = ("uniqueItems", "readOnly", "writeOnly", "deprecated")

# Most schemas have none of these, and need not be asked for each.
_BOUNDING = frozenset({"default", *_FLAGS, *(name for name, _ in _BOUNDS)})

Named = Callable[[Any], str]
"""What the schema behind a reference is called."""


def type_of(schema: Any, named: Named, depth: int = 0) -> str:
    """The whole type, with inline objects spelled out."""
    if depth > MAX_INLINE:
        return "…"
    if not isinstance(schema, dict):
        return "never" if schema is False else "any"
    parts = [
        _named(schema, named),
        _own(schema, named, depth),
        *_combined(schema, named, depth),
        *_conditions(schema, named, depth),
    ]
    kept = [part for part in parts if part] or ["any"]
    written = kept[0] if len(kept) == 1 else " & ".join(map(_grouped, kept))
    return f"{written} | null" if schema.get("nullable") is True else written


def _named(schema: dict[str, Any], named: Named) -> str:
    """The schema referred to, if any; since 3.1 there may be more to say beside it."""
    for word in _REFERRING:
        if word in schema:
            return named(schema[word])
    return ""


def fields_of(schema: Any, named: Named, depth: int = 0) -> Iterator[tuple[str, bool, str, Any]]:
    """Name, whether it is required, type and schema of each property, in a stable order.

    Those of the members of an `allOf` that are spelled out belong to the schema itself.
    """
    if not isinstance(schema, dict) or depth > MAX_INLINE:
        return
    required = {each for each in items(schema.get("required")) if isinstance(each, str)}
    for name, value in sorted(mapping(schema.get("properties")).items()):
        yield name, name in required, type_of(value, named, depth + 1), value
    for member in items(schema.get("allOf")):
        yield from fields_of(member, named, depth + 1)


def head_of(schema: Any, named: Named) -> str:
    """The type without the properties that `fields_of` tells of."""
    return type_of(_without_fields(schema, 0), named)


def _without_fields(schema: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > MAX_INLINE:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("properties", "required")}
    if "properties" in schema:
        rest.setdefault("type", "object")
    if isinstance(schema.get("allOf"), list):
        rest["allOf"] = [_without_fields(each, depth + 1) for each in schema["allOf"]]
    return rest


def _own(schema: dict[str, Any], named: Named, depth: int) -> str:
    if "const" in schema:
        return literal(schema["const"])
    if isinstance(schema.get("enum"), list):
        return _values(schema["enum"])
    kinds = schema.get("type")
    if isinstance(kinds, list):
        each = [_of_kind(str(kind), schema, named, depth) for kind in kinds[:MAX_VALUES]]
        return " | ".join(each)
    kind = kinds if isinstance(kinds, str) else _implied(schema)
    return _of_kind(kind, schema, named, depth) if kind else ""


def _implied(schema: dict[str, Any]) -> str:
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else ""


def _of_kind(kind: str, schema: dict[str, Any], named: Named, depth: int) -> str:
    match kind:
        case "object":
            return _object(schema, named, depth)
        case "array":
            return _array(schema, named, depth) + _bounds(schema)
        case "null":
            return "null"
        case _:
            return line(kind) + _bounds(schema)


def _object(schema: dict[str, Any], named: Named, depth: int) -> str:
    required = {each for each in items(schema.get("required")) if isinstance(each, str)}
    members = [
        f"{shown_name(name)}{'' if name in required else '?'}: {type_of(value, named, depth + 1)}"
        for name, value in sorted(mapping(schema.get("properties")).items())
    ]
    patterns = mapping(schema.get("patternProperties"))
    members += [
        f"[/{line(name)}/]: {type_of(value, named, depth + 1)}"
        for name, value in sorted(patterns.items())
    ]
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        members.append(f"[key]: {type_of(more, named, depth + 1)}")
    elif more is False:
        members.append("nothing else")
    return f"{{{', '.join(members)}}}" if members else "object"


def _array(schema: dict[str, Any], named: Named, depth: int) -> str:
    first = [type_of(each, named, depth + 1) for each in items(schema.get("prefixItems"))]
    if first:
        return f"[{', '.join(first)}]"
    return f"{_grouped(type_of(schema.get('items', {}), named, depth + 1))}[]"


def _combined(schema: dict[str, Any], named: Named, depth: int) -> Iterator[str]:
    if _COMBINING.isdisjoint(schema):
        return
    for word, sign in (("allOf", " & "), ("oneOf", " | "), ("anyOf", " | ")):
        members = [type_of(each, named, depth + 1) for each in items(schema.get(word))]
        if members:
            yield sign.join(map(_grouped, members)) if len(members) > 1 else members[0]
    if isinstance(schema.get("not"), dict):
        yield f"not {_grouped(type_of(schema['not'], named, depth + 1))}"
    yield from _told_by(schema.get("discriminator"), named)


def _told_by(discriminator: Any, named: Named) -> Iterator[str]:
    tag = mapping(discriminator).get("propertyName") or discriminator
    if not isinstance(tag, str):
        return
    # A value may also be the bare name of a schema, which is then one of those combined.
    kinds = [
        f"{line(value)}: {named(leads)}"
        for value, leads in members(mapping(discriminator).get("mapping"))
        if isinstance(leads, str) and "#" in leads
    ]
    yield f"told by {line(tag)}" + (f"({', '.join(kinds)})" if kinds else "")


def _conditions(schema: dict[str, Any], named: Named, depth: int) -> Iterator[str]:
    if _CONDITIONAL.isdisjoint(schema):
        return
    for word, told in _CONDITIONS:
        if isinstance(schema.get(word), dict):
            yield told.format(_grouped(type_of(schema[word], named, depth + 1)))
    for name, value in sorted(mapping(schema.get("dependentSchemas")).items()):
        yield f"with {line(name)} {_grouped(type_of(value, named, depth + 1))}"


def _grouped(written: str) -> str:
    is_plain = " | " not in written and " & " not in written
    return written if is_plain or written.startswith("{") else f"({written})"


def _values(values: list[Any]) -> str:
    shown = [literal(value) for value in values[:MAX_VALUES]]
    more = len(values) - len(shown)
    return " | ".join([*shown, f"… {more} more"] if more else shown) or "never"


def _bounds(schema: dict[str, Any]) -> str:
    if _BOUNDING.isdisjoint(schema):
        return ""
    found = [
        pattern.format(line(schema[name]))
        for name, pattern in _BOUNDS
        if isinstance(schema.get(name), str | int | float) and schema[name] is not False
    ]
    found += [flag for flag in _FLAGS if schema.get(flag) is True]
    if "default" in schema:
        found.append(f"default {literal(schema['default'])}")
    return f"({', '.join(found)})" if found else ""


def shown_name(name: str) -> str:
    """A property's name as it stands, quoted where it would be mistaken for something else."""
    return name if name.replace("_", "a").replace("-", "a").isalnum() else literal(name)
