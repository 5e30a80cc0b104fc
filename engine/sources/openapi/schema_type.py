"""A schema in one line, like a type of TypeScript, without what only people read.

`{id: integer(int64), name?: string, owner: @User, tags: string[]}`
"""

from collections.abc import Callable, Iterator
from typing import Any

from engine.sources.openapi.values import items, line, literal, mapping

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
    if "$ref" in schema:
        return named(schema["$ref"])
    parts = [_own(schema, named, depth), *_combined(schema, named, depth)]
    kept = [part for part in parts if part] or ["any"]
    written = kept[0] if len(kept) == 1 else " & ".join(map(_grouped, kept))
    return f"{written} | null" if schema.get("nullable") is True else written


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
        if isinstance(member, dict) and "$ref" not in member:
            yield from fields_of(member, named, depth + 1)


def head_of(schema: Any, named: Named) -> str:
    """The type without the properties that `fields_of` tells of."""
    return type_of(_without_fields(schema, 0), named)


def _without_fields(schema: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or "$ref" in schema or depth > MAX_INLINE:
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
    tag = mapping(schema.get("discriminator")).get("propertyName") or schema.get("discriminator")
    if isinstance(tag, str):
        yield f"told by {line(tag)}"


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
