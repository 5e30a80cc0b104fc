"""A schema as the text of a file: what it offers in lines of its own, indented what it means.

schema Pet: object
  A pet of the store.
field id: integer(int64)
field owner?: @User
uses @User petstore.yaml/schemas/User.openapi-schema
"""

from collections.abc import Iterator
from typing import Any

from engine.sources.openapi.examples import schema_examples
from engine.sources.openapi.library import Library, Target
from engine.sources.openapi.schema_type import fields_of, head_of, shown_name
from engine.sources.openapi.uses import Uses
from engine.sources.openapi.values import items, line, mapping, text

_DEEPEST_NOTE = 4


def schema_text(target: Target, schema: Any, library: Library) -> tuple[str, Uses]:
    """The text, and which other schemas it names."""
    uses = Uses(library)

    def named(reference: Any) -> str:
        return uses.named(reference, target.document, target.pointer)

    name = line(target.pointer[-1] if target.pointer else target.document)
    lines = [f"schema {shown_name(name)}: {head_of(schema, named)}", *described(schema)]
    lines += schema_examples(schema)
    for field, required, kind, value in fields_of(schema, named):
        lines.append(f"field {shown_name(line(field))}{'' if required else '?'}: {kind}")
        lines += described(value)
        lines += schema_examples(value)
        lines += _notes(value, "", 0)
    return "\n".join((*lines, *uses.lines())) + "\n", uses


def described(value: Any) -> Iterator[str]:
    """Title and description, indented, so that no line of them can pass for another."""
    if isinstance(value, dict):
        told = dict.fromkeys((text(value.get("title")), text(value.get("description"))))
        for each in told:
            yield from indented(each)


def indented(prose: str) -> Iterator[str]:
    for each in prose.strip().split("\n") if prose.strip() else ():
        yield f"  {each.rstrip()}".rstrip()


def _notes(schema: Any, path: str, depth: int) -> Iterator[str]:
    """What is said of the properties that are spelled out inside another one."""
    if not isinstance(schema, dict) or depth > _DEEPEST_NOTE:
        return
    for name, value in sorted(mapping(schema.get("properties")).items()):
        inner = f"{path}.{name}" if path else name
        if note := line(mapping(value).get("description")):
            yield f"  {line(inner)}: {note}"
        yield from _notes(value, inner, depth + 1)
    yield from _notes(schema.get("items"), f"{path}[]", depth + 1)
    for word in ("allOf", "oneOf", "anyOf"):
        for member in items(schema.get(word)):
            yield from _notes(member, path, depth + 1)
