"""Split documents into their operations and schemas, each document on its own.

What a document gave is kept, and taken again while its text is the same and so is what it
took of others: an edit costs the documents that it concerns.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

from engine.sources.openapi.library import COMPONENT_SCHEMAS, Library, Target
from engine.sources.openapi.operation_text import Operation, operation_text
from engine.sources.openapi.operations import operations_of
from engine.sources.openapi.part_keys import schema_key
from engine.sources.openapi.problem import DocumentProblem
from engine.sources.openapi.schema_text import schema_text
from engine.sources.openapi.unit import Unit
from engine.sources.openapi.uses import Uses
from engine.sources.openapi.values import Mapping, hash_of, mapping

# Counts changes of what parts look like: those of another version are not taken again.
VERSION = 2

# All parts of a catalogue together, as they are written out.
MAX_WRITTEN_BYTES = 256 << 20

Pointers = tuple[tuple[str, ...], ...]


class Kept(Protocol):
    """Where units wait. Whatever is put there may be gone."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, content: bytes) -> None: ...


@dataclass(slots=True)
class Parts:
    """Contents and problems by key. `broken` are the documents that gave no parts at all."""

    contents: dict[str, bytes] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)


def split(
    library: Library,
    documents: Sequence[str],
    *,
    found: Collection[str] = (),
    max_bytes: int = MAX_WRITTEN_BYTES,
    kept: Kept | None = None,
    done: Callable[[str], None] = lambda _: None,
) -> Parts:
    """The parts of these documents, and the schemas of others that they refer to.

    `found` are documents that were not named by anybody: that one is none is no problem.
    `done` is told of each document, and may raise to end it all.
    """
    return _Splitting(library, found, max_bytes, kept).run(documents, done)


class _Splitting:
    def __init__(
        self, library: Library, found: Collection[str], max_bytes: int, kept: Kept | None
    ) -> None:
        self._library = library
        self._found = found
        self._max_bytes = self._left = max_bytes
        self._kept = kept
        self._addresses = repr(sorted(library.addresses.items()))
        self._parts = Parts()
        self._wanted: dict[Target, None] = {}
        self._schemas: dict[str, set[tuple[str, ...]] | None] = {}
        if kept is not None:
            library.schemas_of = self._schemas_of

    def run(self, documents: Sequence[str], done: Callable[[str], None]) -> Parts:
        for document in documents:
            self._take(document, self._unit(document, None))
            done(document)
        written: set[Target] = set()
        while wanted := sorted(self._wanted.keys() - written):
            written.update(wanted)
            for document, pointers in _by_document(wanted):
                new = tuple(p for p in pointers if not self._has(document, p))
                if new and document in self._library.texts:
                    self._take(document, self._unit(document, new))
        return self._parts

    def _has(self, document: str, pointer: tuple[str, ...]) -> bool:
        return schema_key(document, pointer) in self._parts.contents

    def _take(self, document: str, unit: Unit) -> None:
        size = sum(map(len, unit.contents.values()))
        if trouble := unit.broken or (_TOO_LARGE if size > self._left else ""):
            self._parts.problems[document] = trouble
            self._parts.broken.add(document)
            return
        self._left -= size
        for key, written in unit.contents.items():
            self._parts.contents[key] = written.encode()
        self._parts.problems.update(unit.problems)
        if unit.warning:
            self._parts.problems.setdefault(document, unit.warning)
        self._wanted.update(unit.wanted)

    def _unit(self, document: str, pointers: Pointers | None) -> Unit:
        """As it is kept, or made now."""
        identity = repr((VERSION, document, self._library.text_hash(document), pointers,
                         document in self._found, self._max_bytes, self._addresses))  # fmt: skip
        name = hash_of(identity.encode("utf-8", "surrogatepass")) + ".unit"
        told = self._kept.get(name) if self._kept else None
        unit = Unit.from_bytes(told) if told is not None else None
        before = unit.to_bytes() if unit else b""
        if unit is None or not unit.is_true(self._library):
            unit = _Unit(self._library, self._max_bytes).of(
                document, pointers, merely_found=document in self._found
            )
            if self._kept and pointers is None:
                self._keep_schemas(document)
        if self._kept and (after := unit.to_bytes()) != before:
            self._kept.put(name, after)
        return unit

    def _keep_schemas(self, document: str) -> None:
        """Which component schemas there are, for documents that refer to this one."""
        assert self._kept is not None
        found = [
            (*above, name)
            for above in COMPONENT_SCHEMAS
            if (place := self._library.find(Target(document, above)))
            for name in mapping(place.value)
        ]
        self._kept.put(self._schemas_name(document), json.dumps(found).encode())

    def _schemas_of(self, document: str) -> set[tuple[str, ...]] | None:
        if document not in self._schemas:
            told = self._kept.get(self._schemas_name(document)) if self._kept else None
            self._schemas[document] = None if told is None else set(map(tuple, json.loads(told)))
        return self._schemas[document]

    def _schemas_name(self, document: str) -> str:
        # How a text is read depends on the suffix of its name.
        identity = repr((VERSION, document, self._library.text_hash(document)))
        return hash_of(identity.encode("utf-8", "surrogatepass")) + ".names"


class _Unit:
    """One being made."""

    def __init__(self, library: Library, max_bytes: int) -> None:
        self._library = library
        self._left = max_bytes
        self._unit = Unit()

    def of(self, document: str, pointers: Pointers | None, *, merely_found: bool) -> Unit:
        self._library.begin(document)
        try:
            root = self._library.root(document)
            if pointers is not None:
                self._write_schemas(document, pointers)
            elif not merely_found or _claims(root):
                self._write_all(document, _checked(root))
        except DocumentProblem as problem:
            # A document that is merely referred to has no parts that could be missed.
            self._unit = Unit(broken="" if pointers else str(problem))
        self._unit.reads = self._library.reads
        self._unit.warning = self._library.warnings.get(document, "")
        return self._unit

    def _write_all(self, document: str, root: Mapping) -> None:
        for key, operation in operations_of(document, root, self._library):
            if isinstance(operation, Operation):
                self._put(key, *operation_text(operation, self._library))
            else:
                self._unit.problems[key] = operation
        for pointer in COMPONENT_SCHEMAS:
            names = self._schemas_at(document, pointer)
            self._write_schemas(document, tuple((*pointer, name) for name in names))

    def _schemas_at(self, document: str, pointer: tuple[str, ...]) -> Iterator[str]:
        value: Any = None
        for end in range(1, len(pointer) + 1):
            found = self._library.find(Target(document, pointer[:end]))
            value = found.value if found else None
            if not isinstance(value, dict | None):
                place = "/".join(pointer[:end])
                self._unit.problems[f"{document}/{place}"] = f"{place} must be a mapping"
                return
        yield from mapping(value)

    def _write_schemas(self, document: str, pointers: Pointers) -> None:
        for pointer in pointers:
            target = Target(document, pointer)
            if found := self._library.find(target):
                self._put(schema_key(*target), *schema_text(target, found.value, self._library))

    def _put(self, key: str, written: str, uses: Uses) -> None:
        content = written.encode("utf-8", "replace").decode()
        self._left -= len(content)
        if self._left < 0:
            raise DocumentProblem(_TOO_LARGE)
        self._unit.contents[key] = content
        self._unit.wanted.update(uses.targets)


_TOO_LARGE = "its parts are too large when they are written out"


def _by_document(targets: Sequence[Target]) -> Iterator[tuple[str, Pointers]]:
    for document, group in groupby(targets, lambda target: target.document):
        yield document, tuple(each.pointer for each in group)


def _claims(root: Any) -> bool:
    return isinstance(root, dict) and ("openapi" in root or "swagger" in root)


def _checked(root: Any) -> Mapping:
    if not isinstance(root, dict):
        raise DocumentProblem("not an OpenAPI document: no mapping at its root")
    version = str(root.get("openapi") or root.get("swagger") or "")
    if not version.startswith(("3.", "2.")):
        told = f"version {version[:20]!r}" if version else "no version"
        raise DocumentProblem(f"{told}, where openapi 3 or swagger 2 is needed")
    return root
