"""The documents of a catalogue by name, and what a `$ref` in one of them leads to.

Knows no disk and no network: a reference to what is not among them leads nowhere.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

from engine.sources.openapi.parse_document import parse_document
from engine.sources.openapi.problem import DocumentProblem

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_NOTHING = object()

# A reference may lead to another one; a chain longer than this is taken for a circle.
MAX_CHAIN = 16


class Target(NamedTuple):
    """A place in a document: the parts of a JSON pointer."""

    document: str
    pointer: tuple[str, ...]


class Found(NamedTuple):
    """A value, and the document whose references it is written in."""

    value: Any
    document: str


@dataclass(slots=True)
class Library:
    """Texts by document name. `addresses` has the URL of each document that was fetched.

    A text is parsed when it is first asked for; one that can't be is a problem to those
    who list it, and nothing to those who refer to it.
    """

    texts: Mapping[str, bytes]
    addresses: Mapping[str, str] = field(default_factory=dict)
    _parsed: dict[str, Any] = field(default_factory=dict)

    def root(self, document: str) -> Any:
        """The value of a document. Raises `DocumentProblem`."""
        if document not in self._parsed:
            try:
                self._parsed[document] = parse_document(document, self.texts[document])
            except DocumentProblem as problem:
                self._parsed[document] = problem
        found = self._parsed[document]
        if isinstance(found, DocumentProblem):
            raise found
        return found

    def target(self, reference: str, document: str) -> Target | None:
        """The place that a reference in `document` names; none outside of the catalogue."""
        path, pointer = split_reference(reference)
        name = document if not path else self._name(path, document)
        return None if name is None else Target(name, pointer)

    def find(self, target: Target) -> Found | None:
        if target.document not in self.texts:
            return None
        try:
            value = self.root(target.document)
        except DocumentProblem:
            return None
        for part in target.pointer:
            value = _step(value, part)
            if value is _NOTHING:
                return None
        return Found(value, target.document)

    def follow(self, value: Any, document: str) -> Found:
        """What a value stands for if it is a reference, followed to its end; else itself.

        What leads nowhere, or in a circle, stands for nothing: an empty object.
        """
        for _ in range(MAX_CHAIN):
            reference = value.get("$ref") if isinstance(value, dict) else None
            if not isinstance(reference, str):
                return Found(value, document)
            target = self.target(reference, document)
            found = self.find(target) if target else None
            if found is None:
                break
            value, document = found
        return Found({}, document)

    def _name(self, path: str, document: str) -> str | None:
        if address := self.addresses.get(document):
            wanted = urldefrag(urljoin(address, path)).url
            return next((name for name, url in self.addresses.items() if url == wanted), None)
        if _SCHEME.match(path):
            return next((name for name, url in self.addresses.items() if url == path), None)
        return beside(document, path)


def beside(document: str, path: str) -> str | None:
    """The name of the file at `path` seen from another; nothing outside of the root."""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(document), unquote(path)))
    return None if joined.startswith(("../", "/")) or joined == ".." else joined


@lru_cache(maxsize=4096)
def split_reference(reference: str) -> tuple[str, tuple[str, ...]]:
    """The path and the parts of the JSON pointer."""
    path, _, fragment = reference.partition("#")
    parts = unquote(fragment).split("/")[1:] if fragment.startswith("/") else []
    if fragment and not fragment.startswith("/"):
        parts = ["$anchor", fragment]
    return path, tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)


def _step(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part, _NOTHING)
    if isinstance(value, list) and part.isascii() and part.isdigit() and len(part) < 9:
        return value[int(part)] if int(part) < len(value) else _NOTHING
    return _NOTHING
