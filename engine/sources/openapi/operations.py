"""Find the operations of a document: of its paths, its webhooks, and of their callbacks.

A callback is an entry of its own, beside that of the operation which names it: it has a
direction, a body and responses of its own, is looked for by other words, and a change of
its schemas is none of its owner's. The callbacks of a callback are named and not followed,
because they may come round to where they began.
"""

from collections.abc import Callable, Iterator
from typing import Any

from engine.sources.openapi.library import Found, Library
from engine.sources.openapi.operation_text import Operation
from engine.sources.openapi.part_keys import callback_key, operation_key, path_key, webhook_key
from engine.sources.openapi.path_item import callbacks_of, methods_of
from engine.sources.openapi.values import Mapping, items, line, mapping, members

_Keyed = Callable[[str, str, str], str]


def operations_of(
    document: str, root: Mapping, library: Library
) -> Iterator[tuple[str, Operation | str]]:
    """Each under the key of its entry; in place of one that is malformed, what is wrong."""
    keyed: tuple[tuple[str, _Keyed], ...] = (("paths", operation_key), ("webhooks", webhook_key))
    for word, key_of in keyed:
        if not isinstance(root.get(word, {}), dict | None):
            yield f"{document}/{word}", f"{word} must be a mapping"
        for path, value in members(root.get(word)):
            item = library.follow(value, document)
            if trouble := _trouble(value, item):
                yield path_key(document, word, path), f"{line(path)} {trouble}"
            for method, each in methods_of(item.value):
                key = key_of(document, path, method)
                operation = _operation(method, path, each, item, root)
                yield key, operation
                if isinstance(operation, Operation):
                    yield from _callbacks_of(operation, (document, word, path, method), library)


def _trouble(value: Any, item: Found) -> str:
    if not isinstance(item.value, dict):
        return "must be a mapping"
    if isinstance(value, dict) and "$ref" in value and not item.value:
        return f"refers to {line(value['$ref'])}, which is not in the catalogue"
    return ""


def _operation(
    method: str, path: str, value: Any, item: Found, root: Mapping, *, part_of: str = ""
) -> Operation | str:
    if not isinstance(value, dict):
        return f"{method} {line(path)}: an operation must be a mapping"
    shared = [Found(each, item.document) for each in items(mapping(item.value).get("parameters"))]
    return Operation(
        method, path, value, item.document, root, shared, item=item.value, part_of=part_of
    )


def _callbacks_of(
    owner: Operation, place: tuple[str, str, str, str], library: Library
) -> Iterator[tuple[str, Operation | str]]:
    for name, expression, method, value, item in callbacks_of(owner.value, owner.document, library):
        told = f"callback {line(name)} of {owner.method.upper()} {line(owner.path)}"
        key = callback_key(*place, name, expression, method)
        yield key, _operation(method, expression, value, item, owner.root, part_of=told)
