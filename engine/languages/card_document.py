"""A card as its file tells it: what it adopts from, attributes and links. Resolves nothing."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

# A value that is nested deeper is left out.
DEEPEST = 16

_ADOPTS = re.compile(r'"adoptsFrom"\s*:')
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class MalformedCard(ValueError):
    """The file is no JSON; the message says where."""


@dataclass(frozen=True, slots=True)
class Card:
    """`module` and the values of `links` are references as they are written.

    `links` are by field, those of one with many as `friends.0`. `fields` are those whose
    class is another than the card's class says, each with the module and name of that.
    """

    module: str
    name: str
    attributes: Mapping[str, Value] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def as_text(self) -> str:
        """Canonical: equal for equal cards, whatever their files look like."""
        parts: list[Any] = [self.module, self.name, dict(self.attributes), dict(self.links)]
        parts.append(dict(self.fields))
        return json.dumps(parts, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> "Card":
        return cls(*json.loads(text))


def looks_like_card(text: str) -> bool:
    """Whether a document speaks of a class that it adopts from, well formed or not."""
    return _ADOPTS.search(text) is not None


def read_card(text: str) -> Card | None:
    """The card, or nothing for another document; raises `MalformedCard`."""
    match _parsed(text):
        case {
            "data": {
                "type": "card",
                "meta": {"adoptsFrom": {"module": str(module), "name": str(name)}},
            }
        } as document:
            data: dict[str, Value] = document["data"]
            attributes, relationships = data.get("attributes"), data.get("relationships")
            return Card(
                module,
                name,
                attributes if isinstance(attributes, dict) else {},
                _links(relationships if isinstance(relationships, dict) else {}),
                dict(_fields(document["data"]["meta"].get("fields"))),
            )
    return None


def _parsed(text: str) -> Any:
    try:
        return _storable(json.loads(text), 0)
    except RecursionError:
        raise MalformedCard("nested too deep") from None
    except ValueError as error:
        raise MalformedCard(str(error)) from None


def _storable(value: Value, depth: int) -> Value:
    """The value without what neither JSON nor Postgres can hold."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if not isinstance(value, list | dict):
        return value
    if depth == DEEPEST:
        return None
    inner: Callable[[Value], Value] = lambda each: _storable(each, depth + 1)  # noqa: E731 - used twice
    if isinstance(value, list):
        return [inner(each) for each in value]
    return {str(_storable(name, depth)): inner(each) for name, each in value.items()}


def _fields(found: object) -> Iterator[tuple[str, tuple[str, str]]]:
    """What `meta.fields` says of fields that hold one; of many, each has a class of its own."""
    for name, value in sorted(found.items()) if isinstance(found, dict) else ():
        match value:
            case {"adoptsFrom": {"module": str(module), "name": str(class_name)}}:
                yield name, (module, class_name)


def _links(relationships: Mapping[str, Value]) -> dict[str, str]:
    found = {}
    for name, value in sorted(relationships.items()):
        match value:
            case {"links": {"self": str(target)}} if target:
                found[name] = target
    return found
