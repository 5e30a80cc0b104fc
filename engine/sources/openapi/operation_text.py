"""An operation as the text of a file, for OpenAPI 3 and Swagger 2.

What it shares with others by reference (parameters, bodies, responses, headers, examples,
links) is written out; schemas are named, and `uses` lines at the end tell where each is.
Callbacks are named, and entries of their own. The servers of a whole document are left
out: they tell none of its operations from another, and to edit them concerns none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.sources.openapi.examples import examples_by_kind, examples_of
from engine.sources.openapi.library import Found, Library
from engine.sources.openapi.path_item import callbacks_of
from engine.sources.openapi.schema_text import described, indented
from engine.sources.openapi.schema_type import type_of
from engine.sources.openapi.uses import Uses
from engine.sources.openapi.values import (
    Mapping,
    items,
    line,
    mapping,
    members,
    text,
)

_MOST_SCOPES = 20
_MOST_SERVERS = 5


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation where it stands: what its path item and its document say goes for it too.

    `part_of` tells of a callback whose it is.
    """

    method: str
    path: str
    value: Mapping
    document: str
    root: Mapping
    shared_parameters: Sequence[Found]
    item: Mapping = field(kw_only=True, default_factory=dict)
    part_of: str = field(kw_only=True, default="")


def operation_text(operation: Operation, library: Library) -> tuple[str, Uses]:
    """The text, and which schemas it names."""
    uses = Uses(library)
    lines = [*_head(operation), *_Written(operation, library, uses).lines(), *uses.lines()]
    return "\n".join(lines) + "\n", uses


def _head(operation: Operation) -> Iterator[str]:
    value = operation.value
    yield f"{operation.method.upper()} {line(operation.path)}"
    if operation.part_of:
        yield operation.part_of
    for name in ("operationId", "summary"):
        if shown := line(value.get(name)):
            yield f"{name}: {shown}"
    if tags := [line(tag) for tag in items(value.get("tags"))]:
        yield f"tags: {', '.join(filter(None, tags))}"
    if value.get("deprecated") is True:
        yield "deprecated"
    yield from _servers(value.get("servers", operation.item.get("servers")))
    for told in (operation.item.get("summary"), value.get("description"),
                 operation.item.get("description")):  # fmt: skip
        yield from indented(text(told))


def _servers(servers: Any) -> Iterator[str]:
    for server in items(servers)[:_MOST_SERVERS]:
        if url := line(mapping(server).get("url")):
            yield f"server: {url}"


class _Written:
    def __init__(self, operation: Operation, library: Library, uses: Uses) -> None:
        self._operation = operation
        self._library = library
        self._uses = uses

    def lines(self) -> Iterator[str]:
        parameters = self._parameters()
        for place in parameters:
            if place.value.get("in") not in ("body", "formData"):
                yield from self._parameter(place)
        yield from self._bodies(parameters)
        yield from self._responses()
        yield from self._callbacks()
        yield from self._security()

    def _parameters(self) -> list[Found]:
        """Those of the operation, then those of its path that it does not replace."""
        operation = self._operation
        own = [Found(each, operation.document) for each in items(operation.value.get("parameters"))]
        found: dict[tuple[str, str], Found] = {}
        for each in (*own, *operation.shared_parameters):
            place = self._library.follow(each.value, each.document)
            parameter = mapping(place.value)
            name = line(parameter.get("in")), line(parameter.get("name"))
            found.setdefault(name, Found(parameter, place.document))
        found.pop(("", ""), None)
        return list(found.values())

    def _parameter(self, place: Found) -> Iterator[str]:
        parameter = place.value
        name, where = line(parameter.get("name")), line(parameter.get("in"))
        need = ", required" if parameter.get("required") is True else ""
        yield f"parameter {name} in {where}{need}: {self._type(self._schema(place))}"
        yield from described(parameter)
        yield from self._examples(place)

    def _schema(self, place: Found) -> Found:
        """Of a parameter or header: its schema, that of its content, or what it is itself."""
        value = place.value
        if "schema" in value:
            return Found(value["schema"], place.document)
        for content in mapping(value.get("content")).values():
            return Found(mapping(content).get("schema", {}), place.document)
        return Found({**value, "required": []}, place.document)

    def _bodies(self, parameters: Sequence[Found]) -> Iterator[str]:
        if "requestBody" in self._operation.value:
            body = self._library.follow(
                self._operation.value["requestBody"], self._operation.document
            )
            need = ", required" if mapping(body.value).get("required") is True else ""
            yield f"body{need}"
            yield from self._contents(mapping(body.value).get("content"), body.document)
            yield from described(mapping(body.value))
        for place in parameters:
            if place.value.get("in") in ("body", "formData"):
                kinds = ", ".join(self._kinds("consumes"))
                name = line(place.value.get("name"))
                need = ", required" if place.value.get("required") is True else ""
                yield f"body {name}{need} {kinds}".rstrip() + f": {self._type(self._schema(place))}"
                yield from described(place.value)

    def _responses(self) -> Iterator[str]:
        for status, value in members(self._operation.value.get("responses")):
            place = self._library.follow(value, self._operation.document)
            response = mapping(place.value)
            told = line(response.get("description"))
            yield f"response {line(status)}" + (f": {told}" if told else "")
            if "schema" in response:
                kinds = ", ".join(self._kinds("produces")) or "content"
                yield f"  {kinds}: {self._type(Found(response['schema'], place.document))}"
            yield from self._contents(response.get("content"), place.document)
            yield from examples_by_kind(response)
            yield from self._headers(response.get("headers"), place.document)
            yield from self._links(response.get("links"), place.document)

    def _contents(self, contents: Any, document: str) -> Iterator[str]:
        for kind, value in members(contents):
            content = self._library.follow(value, document)
            schema = Found(mapping(content.value).get("schema", {}), content.document)
            yield f"  {line(kind)}: {self._type(schema)}"
            yield from self._examples(Found(mapping(content.value), content.document))

    def _headers(self, headers: Any, document: str) -> Iterator[str]:
        for name, value in sorted(mapping(headers).items()):
            place = self._library.follow(value, document)
            header = Found(mapping(place.value), place.document)
            yield f"  header {line(name)}: {self._type(self._schema(header))}"

    def _links(self, links: Any, document: str) -> Iterator[str]:
        for name, value in members(links):
            link = mapping(self._library.follow(value, document).value)
            leads = line(link.get("operationId")) or line(link.get("operationRef"))
            told = line(link.get("description"))
            yield f"  link {line(name)} to {leads or 'nowhere'}{f': {told}' if told else ''}"

    def _callbacks(self) -> Iterator[str]:
        operation = self._operation
        for each in callbacks_of(operation.value, operation.document, self._library):
            yield f"callback {line(each.name)}: {each.method.upper()} {line(each.expression)}"

    def _examples(self, place: Found) -> Iterator[str]:
        return examples_of(place.value, lambda value: self._library.follow(value, place.document))

    def _security(self) -> Iterator[str]:
        wanted = self._operation.value.get("security", self._operation.root.get("security"))
        names = [" and ".join(map(_scheme, members(each))) for each in items(wanted)]
        if names:
            yield f"security: {' or '.join(name or 'none' for name in names)}"

    def _kinds(self, word: str) -> list[str]:
        kinds = self._operation.value.get(word, self._operation.root.get(word))
        return [line(kind) for kind in items(kinds)]

    def _type(self, schema: Found) -> str:
        return type_of(schema.value, lambda reference: self._uses.named(reference, schema.document))


def _scheme(named: tuple[str, Any]) -> str:
    name, scopes = named[0], [line(scope) for scope in items(named[1])[:_MOST_SCOPES]]
    return f"{line(name)}({', '.join(scopes)})" if scopes else line(name)
