"""Where the anchors and identifiers of JSON Schema lead in one document. Knows no OpenAPI."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urldefrag, urljoin

Pointer = tuple[str, ...]

# A document whose text has none of these need not be searched.
SIGNS = re.compile(rb"\$(?:id|anchor|dynamicAnchor)\b")

# What stands there is data, and may look like a schema.
_DATA = frozenset({"example", "examples", "default", "const", "enum"})
_NAMING = ("$anchor", "$dynamicAnchor")


@dataclass(slots=True)
class Anchors:
    """`resources` have an identifier of their own, which what is inside them refers against."""

    resources: dict[Pointer, str] = field(default_factory=dict)
    _by_identifier: dict[str, Pointer] = field(default_factory=dict)
    _by_name: dict[tuple[Pointer, str], Pointer] = field(default_factory=dict)

    def around(self, pointer: Pointer) -> Pointer:
        """The innermost resource that a place is in; the document itself is the last."""
        for end in range(len(pointer), 0, -1):
            if pointer[:end] in self.resources:
                return pointer[:end]
        return ()

    def identified(self, path: str, within: Pointer) -> Pointer | None:
        """The resource that is called so, seen from another."""
        identifier = _identifier(self.resources.get(within, ""), path)
        return self._by_identifier.get(identifier)

    def named(self, name: str, within: Pointer) -> Pointer | None:
        """The place of an anchor: in this resource, or in whichever there is."""
        own = self._by_name.get((within, name))
        return own if own is not None else self._by_name.get(((), name))

    def add(self, schema: dict[str, Any], pointer: Pointer, resource: Pointer) -> Pointer:
        """Note what a value is called; the resource that what is inside it belongs to."""
        if isinstance(identifier := schema.get("$id"), str):
            written = _identifier(self.resources.get(resource, ""), identifier)
            resource = pointer
            self.resources[pointer] = written
            self._by_identifier.setdefault(written, pointer)
        for word in _NAMING:
            if isinstance(name := schema.get(word), str):
                self._by_name.setdefault((resource, name), pointer)
                self._by_name.setdefault(((), name), pointer)
        return resource


def anchors_of(root: Any) -> Anchors:
    """All of a document, which its parser has bounded in depth and in number."""
    found = Anchors()
    todo: list[tuple[Any, Pointer, Pointer]] = [(root, (), ())]
    while todo:
        value, pointer, resource = todo.pop()
        if isinstance(value, dict):
            resource = found.add(value, pointer, resource)
        todo += [(each, (*pointer, name), resource) for name, each in _inside(value)]
    return found


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = ((str(number), each) for number, each in enumerate(value))
    for name, each in pairs:
        if isinstance(each, dict | list) and name not in _DATA:
            yield name, each


def _identifier(around: str, path: str) -> str:
    try:
        return urldefrag(urljoin(around, path)).url
    except ValueError:  # Half an IPv6 address, say.
        return path
