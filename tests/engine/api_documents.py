"""OpenAPI documents for tests: small ones to read, and any number of generated ones."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import networkx as nx
from hypothesis import strategies as st

PETSTORE = """\
openapi: 3.0.3
info: {title: Petstore, version: 1.0.0}
paths:
  /pets/{petId}:
    parameters:
      - $ref: '#/components/parameters/petId'
    get:
      operationId: showPetById
      summary: Info for a specific pet
      description: Looks a pet up.
      tags: [pets]
      responses:
        200:
          description: The pet
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Pet'}
        default:
          $ref: '#/components/responses/Failed'
  /pets:
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Pet'}
      responses:
        '201': {description: Created}
components:
  parameters:
    petId: {name: petId, in: path, required: true, schema: {type: string, format: uuid}}
  responses:
    Failed:
      description: Something failed
      content:
        application/json:
          schema: {$ref: '#/components/schemas/Error'}
  schemas:
    Pet:
      type: object
      description: A pet of the store.
      required: [id]
      properties:
        id: {type: integer, format: int64, description: Unique.}
        owner: {$ref: '#/components/schemas/Owner'}
        kind: {type: string, enum: [cat, dog]}
    Owner:
      type: object
      properties:
        name: {type: string, nullable: true}
        pets: {type: array, items: {$ref: '#/components/schemas/Pet'}}
    Error:
      type: object
      properties: {message: {type: string}}
"""

NAMES = "ABCDEFGH"
PATHS = 6


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def document(
    schemas: Mapping[str, tuple[str, str, Iterable[str]]], operations: Mapping[int, Iterable[str]]
) -> dict[str, Any]:
    """Schemas have a type of their one field, a description, and schemas that they refer to."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {
            f"/p/{number}": {
                "get": {
                    "operationId": f"op{number}",
                    "responses": {
                        str(200 + at): {
                            "description": "d",
                            "content": {"application/json": {"schema": reference(name)}},
                        }
                        for at, name in enumerate(names)
                    },
                }
            }
            for number, names in operations.items()
        },
        "components": {
            "schemas": {
                name: {
                    "type": "object",
                    "description": prose,
                    "properties": {"own": {"type": kind}}
                    | {f"to{other}": reference(other) for other in others},
                }
                for name, (kind, prose, others) in schemas.items()
            }
        },
    }


def users(spec: Mapping[str, Any], schema: str) -> set[str]:
    """The paths whose operation uses a schema, directly or through others, by networkx."""
    graph = nx.DiGraph()
    for part in ("paths", "schemas"):
        values = spec["paths"] if part == "paths" else spec["components"]["schemas"]
        for name, value in values.items():
            graph.add_node((part, name))
            graph.add_edges_from(((part, name), ("schemas", to)) for to in _references(value))
    node = ("schemas", schema)
    above = nx.ancestors(graph, node) if node in graph else set()
    return {name for part, name in above if part == "paths"}


def _references(value: Any) -> set[str]:
    text = json.dumps(value)
    return {name for name in NAMES if f'"#/components/schemas/{name}"' in text}


_some_names = st.lists(st.sampled_from(NAMES), max_size=3, unique=True)
documents = st.builds(
    document,
    st.dictionaries(
        st.sampled_from(NAMES),
        st.tuples(
            st.sampled_from(["string", "integer", "boolean"]),
            st.sampled_from(["", "one", "two"]),
            _some_names,
        ),
        min_size=5,
    ),
    st.dictionaries(st.integers(1, PATHS), _some_names, min_size=1),
)
