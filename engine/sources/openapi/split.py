"""Split documents into their operations and schemas. Pure: texts in, texts out."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.sources.openapi.library import Found, Library, Target
from engine.sources.openapi.operation_text import Operation, operation_text
from engine.sources.openapi.part_keys import operation_key, schema_key, webhook_key
from engine.sources.openapi.problem import DocumentProblem
from engine.sources.openapi.schema_text import schema_text
from engine.sources.openapi.uses import Uses
from engine.sources.openapi.values import Mapping, items, mapping

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")

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
        return self._parts

    def _split(self, document: str, root: Mapping) -> None:
        for key, operation in self._operations(document, root):
            if isinstance(operation, Operation):
                self._put(key, *operation_text(operation, self._library))
            else:
                self._parts.problems[key] = operation
        for pointer in (("components", "schemas"), ("definitions",)):
            found = self._library.find(Target(document, pointer))
            for name in mapping(found.value if found else None):
                self._wanted[Target(document, (*pointer, name))] = None

    def _operations(self, document: str, root: Mapping) -> Iterator[tuple[str, Operation | str]]:
        for word, key_of in (("paths", operation_key), ("webhooks", webhook_key)):
            for path, value in mapping(root.get(word)).items():
                if path.startswith("x-"):
                    continue
                item = self._library.follow(value, document)
                for method, operation in _methods(item.value):
                    key = key_of(document, path, method)
                    if not isinstance(operation, dict):
                        yield key, f"{method} {path}: an operation must be a mapping"
                        continue
                    yield key, _operation(method, path, operation, item, root)

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
    for word in ("paths", "webhooks", "components", "definitions"):
        if not isinstance(root.get(word, {}), dict | None):
            raise DocumentProblem(f"{word} must be a mapping")
    return root


def _methods(item: Any) -> Iterator[tuple[str, Any]]:
    value = mapping(item)
    for method in METHODS:
        if method in value:
            yield method, value[method]


def _operation(method: str, path: str, value: Mapping, item: Found, root: Mapping) -> Operation:
    shared = [Found(each, item.document) for each in items(item.value.get("parameters"))]
    return Operation(method, path, value, item.document, root, shared)
