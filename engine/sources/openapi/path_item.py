"""What stands in a path item: operations by method, and in those, path items as callbacks."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from engine.sources.openapi.library import Found, Library
from engine.sources.openapi.values import Mapping, mapping, members

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")

# Many operations may share a callback with many operations: so many are followed of each.
MAX_CALLBACKS = 50


class Callback(NamedTuple):
    """An operation that the described server calls: at which expression of a URL, and how."""

    name: str
    expression: str
    method: str
    value: Any
    item: Found


def methods_of(item: Any) -> Iterator[tuple[str, Any]]:
    value = mapping(item)
    for method in METHODS:
        if method in value:
            yield method, value[method]


def callbacks_of(operation: Mapping, document: str, library: Library) -> Iterator[Callback]:
    if "callbacks" not in operation:
        return iter(())
    return islice(_callbacks(operation, document, library), MAX_CALLBACKS)


def _callbacks(operation: Mapping, document: str, library: Library) -> Iterator[Callback]:
    for name, value in members(operation["callbacks"]):
        named = library.follow(value, document)
        for expression, each in members(named.value):
            item = library.follow(each, named.document)
            for method, inner in methods_of(item.value):
                yield Callback(name, expression, method, inner, item)
