"""The documents of a catalogue by name, and what a `$ref` in one of them leads to.

Knows no disk and no network: a reference to what is not among them leads nowhere.
"""

import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

from engine.sources.openapi.anchors import SIGNS, Anchors, Pointer, anchors_of
from engine.sources.openapi.parse_document import parse_document
from engine.sources.openapi.part_keys import schema_key
from engine.sources.openapi.problem import DocumentProblem
from engine.sources.openapi.values import hash_of, line

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_NOTHING = object()

# A reference may lead to another one; a chain longer than this is taken for a circle.
MAX_CHAIN = 16

COMPONENT_SCHEMAS = (("components", "schemas"), ("definitions",))

# Texts whose values are kept at once, unless a single one is larger.
MAX_PARSED_BYTES = 32 << 20


class Target(NamedTuple):
    """A place in a document: the parts of a JSON pointer."""

    document: str
    pointer: tuple[str, ...]


class Located(NamedTuple):
    """Where a reference leads: to a schema that is there (`uses`), `missing` or `remote`.

    `place` is the key of its entry; for a remote one, the reference itself.
    """

    verb: str
    place: str
    target: Target | None

    @property
    def told(self) -> tuple[str, str]:
        return self.verb, self.place


@dataclass(slots=True)
class Read:
    """What was taken of a document: all of it, as far as anybody knows, or some answers.

    `asked` has the reference, the document and the place that it stands in.
    """

    text_hash: str
    whole: bool = False
    asked: dict[tuple[str, str, Pointer], tuple[str, str]] = field(default_factory=dict)


class Found(NamedTuple):
    """A value, and the document whose references it is written in."""

    value: Any
    document: str


@dataclass(slots=True)
class Library:
    """Texts by document name. `addresses` has the URL of each document that was fetched.

    A text is parsed when it is first asked for; one that can't be is a problem to those
    who list it, and nothing to those who refer to it. `warnings` has the first mistake of
    each document that is read all the same. `schemas_of` may know which component schemas a
    document has, and spare it to be parsed.
    """

    texts: Mapping[str, bytes]
    addresses: Mapping[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    schemas_of: Callable[[str], Collection[Pointer] | None] = lambda _: None
    reads: dict[str, Read] = field(default_factory=dict)
    _reader: str = ""
    _hashes: dict[str, str] = field(default_factory=dict)
    _parsed: dict[str, Any] = field(default_factory=dict)
    _anchors: dict[str, Anchors | None] = field(default_factory=dict)

    def root(self, document: str) -> Any:
        """The value of a document. Raises `DocumentProblem`."""
        if document not in self._parsed:
            self._make_room(len(self.texts[document]))

            def warn(told: str) -> None:
                self.warnings.setdefault(document, told)

            try:
                self._parsed[document] = parse_document(document, self.texts[document], warn)
            except DocumentProblem as problem:
                self._parsed[document] = problem
        found = self._parsed[document]
        if isinstance(found, DocumentProblem):
            raise found
        return found

    def begin(self, reader: str) -> None:
        """From now on note in `reads` what a document takes of others."""
        self.reads, self._reader = {}, reader

    def text_hash(self, document: str) -> str:
        """Of what a document is now; nothing where there is none."""
        if document not in self._hashes:
            text = self.texts.get(document)
            self._hashes[document] = "" if text is None else hash_of(text)
        return self._hashes[document]

    def look_up(self, reference: str, document: str, within: Pointer = ()) -> Located:
        """The schema that a reference in `document` names, at the place `within`."""
        target = self.target(reference, document, within)
        if target is None:
            return Located("remote", line(reference), None)
        key = schema_key(*target)
        located = Located("uses" if self._has(target) else "missing", key, target)
        if read := self._read_of(target.document):
            read.asked[reference, document, within] = located.told
        return located

    def target(self, reference: str, document: str, within: Pointer = ()) -> Target | None:
        """The place that a reference in `document` names; none outside of the catalogue.

        `within` is the place of the reference, which may have an identifier of its own.
        """
        path, pointer, anchor = split_reference(reference)
        if found := self._identified(path, pointer, anchor, document, within):
            return found
        name = document if not path else self._name(path, document)
        if name is None:
            return None
        anchors = self._anchors_of(name) if anchor else None
        place = anchors.named(anchor, ()) if anchors else None
        return Target(name, pointer if place is None else place)

    def _identified(
        self, path: str, pointer: Pointer, anchor: str, document: str, within: Pointer
    ) -> Target | None:
        """The place in a schema of this document that has an identifier, and is named by it."""
        anchors = self._anchors_of(document)
        if anchors is None or not anchors.resources:
            return None
        around = anchors.around(within)
        resource = anchors.identified(path, around) if path else around
        if resource is None:
            return None
        if anchor:
            place = anchors.named(anchor, resource)
            return None if place is None else Target(document, place)
        # Many write `#/components/schemas/...` also where an identifier makes that wrong.
        target = Target(document, resource + pointer)
        return target if path or self.find(target) else None

    def _anchors_of(self, document: str) -> Anchors | None:
        if document not in self._anchors:
            found = None
            if SIGNS.search(self.texts.get(document, b"")):
                with suppress(DocumentProblem):
                    found = anchors_of(self.root(document))
            self._anchors[document] = found
        return self._anchors[document]

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
            if target and (read := self._read_of(target.document)):
                read.whole = True
            found = self.find(target) if target else None
            if found is None:
                break
            value, document = found
        return Found({}, document)

    def _has(self, target: Target) -> bool:
        if target.document not in self._parsed and target.pointer[:-1] in COMPONENT_SCHEMAS:
            known = self.schemas_of(target.document)
            if known is not None:
                return target.pointer in known
        return self.find(target) is not None

    def _read_of(self, document: str) -> Read | None:
        if document == self._reader:
            return None
        return self.reads.setdefault(document, Read(self.text_hash(document)))

    def _make_room(self, size: int) -> None:
        """Values take several times the room of their text: only so many are kept."""
        kept = sum(len(self.texts[name]) for name in self._parsed)
        if self._parsed and kept + size > MAX_PARSED_BYTES:
            self._parsed.clear()
            self._anchors.clear()

    def _name(self, path: str, document: str) -> str | None:
        if address := self.addresses.get(document):
            try:
                wanted = urldefrag(urljoin(address, path)).url
            except ValueError:  # Half an IPv6 address, say.
                return None
            return next((name for name, url in self.addresses.items() if url == wanted), None)
        if _SCHEME.match(path):
            return next((name for name, url in self.addresses.items() if url == path), None)
        return beside(document, path)


def beside(document: str, path: str) -> str | None:
    """The name of the file at `path` seen from another; nothing outside of the root."""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(document), unquote(path)))
    return None if joined.startswith(("../", "/")) or joined == ".." else joined


class Reference(NamedTuple):
    """What a `$ref` says: a path or nothing, then the parts of a JSON pointer or an anchor."""

    path: str
    pointer: Pointer
    anchor: str


@lru_cache(maxsize=4096)
def split_reference(reference: str) -> Reference:
    path, _, fragment = reference.partition("#")
    if fragment and not fragment.startswith("/"):
        # Where no anchor is called so, there is nothing at this place either.
        return Reference(path, ("$anchor", unquote(fragment)), unquote(fragment))
    parts = unquote(fragment).split("/")[1:]
    return Reference(path, tuple(p.replace("~1", "/").replace("~0", "~") for p in parts), "")


def _step(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part, _NOTHING)
    if isinstance(value, list) and part.isascii() and part.isdigit() and len(part) < 9:
        return value[int(part)] if int(part) < len(value) else _NOTHING
    return _NOTHING
