"""The schemas that a part refers to, each under a short name of its own in the part's text."""

import re
from collections.abc import Iterator
from typing import Any

from engine.sources.openapi.library import Library, Target, split_reference

_NO_NAME = re.compile(r"[^\w.-]+")


class Uses:
    """Filled while a part is written; `lines` then tells where each name leads.

    A reference that leads out of the catalogue is recorded and never fetched.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._names: dict[str, str] = {}
        self._lines: dict[str, str] = {}
        self.targets: dict[Target, None] = {}

    def named(self, reference: Any, document: str, within: tuple[str, ...] = ()) -> str:
        """What the schema behind a reference is called here: `@Pet`."""
        if not isinstance(reference, str):
            return "any"
        verb, place, target = self._library.look_up(reference, document, within)
        if target is not None and verb == "uses":
            self.targets[target] = None
        last = target.pointer[-1] if target and target.pointer else _last_of(reference)
        return self._name(last, place, verb)

    def lines(self) -> Iterator[str]:
        yield from self._lines.values()

    def _name(self, last: str, place: str, verb: str) -> str:
        if place not in self._names:
            name = stem = _NO_NAME.sub("_", last)[:80] or "schema"
            number = 1
            while f"@{name}" in self._names.values():
                number += 1
                name = f"{stem}_{number}"
            self._names[place] = f"@{name}"
            self._lines[place] = f"{verb} @{name} {place}"
        return self._names[place]


def _last_of(reference: str) -> str:
    path, pointer, _ = split_reference(reference)
    return pointer[-1] if pointer else path.rpartition("/")[2].partition(".")[0]
