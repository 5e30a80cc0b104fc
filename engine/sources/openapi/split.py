"""Split documents into their operations and schemas. Pure: texts in, texts out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.sources.openapi.library import Library, Target
from engine.sources.openapi.operation_text import Operation, operation_text
from engine.sources.openapi.operations import operations_of
from engine.sources.openapi.part_keys import schema_key
from engine.sources.openapi.problem import DocumentProblem
from engine.sources.openapi.schema_text import schema_text
from engine.sources.openapi.uses import Uses
from engine.sources.openapi.values import Mapping, mapping

# All parts of a catalogue together, as they are written out.
MAX_WRITTEN_BYTES = 256 << 20


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
) -> Parts:
    """The parts of these documents, and the schemas of others that they refer to.

    `found` are documents that were not named by anybody: that one is none is no problem.
    """
    return _Splitting(library, max_bytes).run(documents, found)


class _Splitting:
    def __init__(self, library: Library, max_bytes: int) -> None:
        self._library = library
        self._left = max_bytes
        self._parts = Parts()
        self._wanted: dict[Target, None] = {}

    def run(self, documents: Sequence[str], found: Collection[str]) -> Parts:
        for document in documents:
            try:
                root = self._library.root(document)
                if document not in found or _claims(root):
                    self._split(document, _checked(root))
            except DocumentProblem as problem:
                self._parts.problems[document] = str(problem)
                self._parts.broken.add(document)
        self._write_schemas()
        for document, told in self._library.warnings.items():
            self._parts.problems.setdefault(document, told)
        return self._parts

    def _split(self, document: str, root: Mapping) -> None:
        for key, operation in operations_of(document, root, self._library):
            if isinstance(operation, Operation):
                self._put(key, *operation_text(operation, self._library))
            else:
                self._parts.problems[key] = operation
        for pointer in (("components", "schemas"), ("definitions",)):
            self._list_schemas(document, pointer)

    def _list_schemas(self, document: str, pointer: tuple[str, ...]) -> None:
        for end in range(1, len(pointer) + 1):
            found = self._library.find(Target(document, pointer[:end]))
            if found is not None and not isinstance(found.value, dict | None):
                place = "/".join(pointer[:end])
                self._parts.problems[f"{document}/{place}"] = f"{place} must be a mapping"
                return
        for name in mapping(found.value if found else None):
            self._wanted[Target(document, (*pointer, name))] = None

    def _write_schemas(self) -> None:
        done: set[Target] = set()
        while self._wanted:
            target, _ = self._wanted.popitem()
            found = self._library.find(target) if target not in done else None
            done.add(target)
            if found is None:
                continue
            key = schema_key(*target)
            try:
                self._put(key, *schema_text(target, found.value, self._library))
            except DocumentProblem as problem:
                self._parts.problems.setdefault(target.document, str(problem))

    def _put(self, key: str, written: str, uses: Uses) -> None:
        content = written.encode("utf-8", "replace")
        self._left -= len(content)
        if self._left < 0:
            raise DocumentProblem("its parts are too large when they are written out")
        self._parts.contents[key] = content
        self._wanted.update(uses.targets)


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
