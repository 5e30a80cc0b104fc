"""Examples as short text: what a reader, and a search, recognises a value by. Bounded."""

import json
from collections.abc import Callable, Iterator

from engine.sources.openapi.library import Found
from engine.sources.openapi.values import Mapping, items, line, mapping, members, text

# Of each place so many examples, of each so many characters; what is inside is cut before.
MAX_EXAMPLES = 2
LONGEST = 240
_MOST_MEMBERS = 12
_MOST_ITEMS = 3
_DEEPEST = 4
_LONGEST_TEXT = 80

Follow = Callable[[object], Found]


def examples_of(holder: Mapping, follow: Follow) -> Iterator[str]:
    """Lines of what a parameter, header or content shows beside its schema."""
    if "example" in holder:
        yield f"  example: {sample(holder['example'])}"
    for name, value in members(holder.get("examples"))[:MAX_EXAMPLES]:
        example = mapping(follow(value).value)
        told = line(example.get("summary"))
        shown = f" {sample(example['value'])}" if "value" in example else ""
        yield f"  example {line(name)}:{f' {told}' if told else ''}{shown}"


def examples_by_kind(holder: Mapping) -> Iterator[str]:
    """The same of a response of Swagger 2, which has one for each media type."""
    for kind, value in members(holder.get("examples"))[:MAX_EXAMPLES]:
        yield f"  example {line(kind)}: {sample(value)}"


def schema_examples(schema: object) -> Iterator[str]:
    """The same of a schema, whose examples are values themselves."""
    found = mapping(schema)
    values = [found["example"]] if "example" in found else []
    for value in (*values, *items(found.get("examples")))[:MAX_EXAMPLES]:
        yield f"  example: {sample(value)}"


def sample(value: object) -> str:
    """A value as JSON in one line, what is long or deep cut."""
    written = _written(value, 0)
    return written if len(written) <= LONGEST else written[:LONGEST] + "…"


def _written(value: object, depth: int) -> str:
    match value:
        case dict() | list() if value and depth >= _DEEPEST:
            return "…"
        case dict():
            shown = [
                f"{_quoted(name)}: {_written(each, depth + 1)}"
                for name, each in list(value.items())[:_MOST_MEMBERS]
            ]
            return f"{{{', '.join(shown)}{', …' if len(value) > _MOST_MEMBERS else ''}}}"
        case list():
            shown = [_written(each, depth + 1) for each in value[:_MOST_ITEMS]]
            return f"[{', '.join(shown)}{', …' if len(value) > _MOST_ITEMS else ''}]"
        case str():
            return _quoted(value)
        case _:
            return json.dumps(value)


def _quoted(value: str) -> str:
    shown = text(value[: _LONGEST_TEXT + 1])
    cut = shown[:_LONGEST_TEXT] + "…" if len(shown) > _LONGEST_TEXT else shown
    return json.dumps(cut, ensure_ascii=False)
