"""Catalogues of several OpenAPI documents that refer to each other, and who uses what in them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
from hypothesis import strategies as st

DOCUMENTS = ("a.json", "v1/b.json", "v1/c.json")
NAMES = "XYZ"

Place = tuple[str, str]
"""A document, and the name of a schema in it."""


@dataclass(frozen=True)
class Schema:
    """`refers` by pointer or, with a true value, by anchor."""

    kind: str
    prose: str
    refers: Mapping[Place, bool]


@dataclass(frozen=True)
class Operation:
    """Schemas that it answers with, and those that its callback takes, if it has one."""

    document: str
    answers: Sequence[Place]
    calls: Sequence[Place] | None


@dataclass(frozen=True)
class Catalogue:
    schemas: Mapping[Place, Schema]
    operations: Mapping[int, Operation]

    def write(self, root: Path) -> None:
        """The documents that there are, and nothing of those that were."""
        for name in DOCUMENTS:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(self._document(name)))

    def users(self, schema: Place) -> set[str]:
        """The keys of the operations and callbacks that reach a schema, by networkx."""
        graph: nx.DiGraph[Any] = nx.DiGraph()
        graph.add_node(schema)
        for place, each in self.schemas.items():
            graph.add_edges_from((place, other) for other in each.refers)
        for number, operation in self.operations.items():
            own, called = operation_keys(number, operation)
            graph.add_edges_from((own, other) for other in operation.answers)
            graph.add_edges_from((called, other) for other in operation.calls or ())
        return {each for each in nx.ancestors(graph, schema) if isinstance(each, str)}

    def entries(self) -> set[str]:
        """Of all operations and callbacks."""
        found = [(operation_keys(*each), each[1].calls) for each in self.operations.items()]
        return {keys[0] for keys, _ in found} | {k[1] for k, calls in found if calls is not None}

    def _document(self, name: str) -> dict[str, Any]:
        return {
            "openapi": "3.1.0",
            "paths": {
                f"/{number}": {"get": _operation(each)}
                for number, each in self.operations.items()
                if each.document == name
            },
            "components": {
                "schemas": {
                    at: _schema(name, at, schema)
                    for (document, at), schema in self.schemas.items()
                    if document == name
                }
            },
        }


def operation_keys(number: int, operation: Operation) -> tuple[str, str]:
    """Of an operation, and of its callback."""
    callback = f"callbacks/paths/%2F{number}/get/done/{{$url}}/put.openapi-operation"
    own = f"{operation.document}/paths/{number}/get.openapi-operation"
    return own, f"{operation.document}/{callback}"


def _operation(operation: Operation) -> dict[str, Any]:
    here = operation.document
    answers = {
        str(200 + at): {"content": {"a/b": {"schema": _reference(here, place)}}}
        for at, place in enumerate(operation.answers)
    }
    if operation.calls is None:
        return {"responses": answers}
    taken = {f"a/{at}": {"schema": _reference(here, p)} for at, p in enumerate(operation.calls)}
    called = {"put": {"requestBody": {"content": taken}}}
    return {"responses": answers, "callbacks": {"done": {"{$url}": called}}}


def _schema(document: str, name: str, schema: Schema) -> dict[str, Any]:
    return {
        "$anchor": f"the{name}",
        "description": schema.prose,
        "properties": {"own": {"type": schema.kind}}
        | {
            f"to-{at}": _reference(document, place, by_anchor=anchored)
            for at, (place, anchored) in enumerate(schema.refers.items())
        },
    }


def _reference(here: str, place: Place, *, by_anchor: bool = False) -> dict[str, str]:
    document, name = place
    # Seen from another folder, or from the same one.
    path = f"../{document}" if here.startswith("v1/") else document
    fragment = f"the{name}" if by_anchor else f"/components/schemas/{name}"
    return {"$ref": f"{'' if here == document else path}#{fragment}"}


_places = st.tuples(st.sampled_from(DOCUMENTS), st.sampled_from(NAMES))
_some_places = st.lists(_places, max_size=2, unique=True)
catalogues = st.builds(
    Catalogue,
    st.dictionaries(
        _places,
        st.builds(
            Schema,
            st.sampled_from(["string", "integer"]),
            st.sampled_from(["", "one", "two"]),
            st.dictionaries(_places, st.booleans(), max_size=2),
        ),
        min_size=6,
    ),
    st.dictionaries(
        st.integers(1, 6),
        st.builds(Operation, st.sampled_from(DOCUMENTS), _some_places, st.none() | _some_places),
        min_size=3,
    ),
)
