"""What an operation's and a schema's text has of examples, callbacks, links and identifiers."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.sources.openapi.examples import LONGEST, sample
from engine.sources.openapi.library import Library
from engine.sources.openapi.path_item import MAX_CALLBACKS
from engine.sources.openapi.split import Parts, split

EVERYTHING = """\
openapi: 3.1.0
servers: [{url: https://everywhere.example}]
security: [{oauth: [read, write]}]
paths:
  /orders:
    summary: All about orders.
    servers: [{url: https://orders.example/v1}]
    parameters:
      - {name: page, in: query, schema: {type: integer}, example: 7, x-example: hidden}
    post:
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Order'}
            examples:
              big: {$ref: '#/components/examples/Big'}
              far: {externalValue: 'https://example.com/never-fetched.json'}
              x-other: {value: hidden}
      callbacks:
        x-tool: {a: {post: {}}}
        shipped:
          '{$request.body#/url}':
            servers: [{url: https://yours.example}]
            post:
              summary: An order left the house.
              requestBody:
                content: {application/json: {schema: {$ref: '#/components/schemas/Parcel'}}}
              responses: {200: {description: Thanks}}
              callbacks: {again: {'/x': {$ref: '#/paths/~1orders'}}}
        shared: {$ref: '#/components/callbacks/Shared'}
      responses:
        201:
          description: Created
          links:
            find: {operationId: getOrder, description: The order that was made.}
            by: {$ref: '#/components/links/By'}
        x-more: {description: hidden}
components:
  callbacks:
    Shared: {'{$request.query.to}': {put: {}}}
  examples:
    Big: {summary: A big one., value: {id: 1, lines: [1, 2, 3, 4], note: null}}
  links:
    By: {operationRef: '#/paths/~1orders/get'}
  schemas:
    Order: {type: object, example: {id: 5}, properties: {id: {type: integer, examples: [5, 6, 7]}}}
    Parcel: {type: object}
"""


def _split(**documents: Any) -> Parts:
    texts = {
        f"{name}.yaml": (text if isinstance(text, str) else json.dumps(text)).encode()
        for name, text in documents.items()
    }
    return split(Library(texts), [name for name in texts if not name.startswith("part")])


def _text(parts: Parts, key: str) -> str:
    return parts.contents[key].decode()


def test_an_operation_tells_of_examples_callbacks_links_and_what_its_path_says() -> None:
    parts = _split(api=EVERYTHING)
    assert parts.problems == {}
    assert (
        _text(parts, "api.yaml/paths/orders/post.openapi-operation")
        == """\
POST /orders
server: https://orders.example/v1
  All about orders.
parameter page in query: integer
  example: 7
body
  application/json: @Order
  example big: A big one. {"id": 1, "lines": [1, 2, 3, …], "note": null}
  example far:
response 201: Created
  link by to #/paths/~1orders/get
  link find to getOrder: The order that was made.
callback shared: PUT {$request.query.to}
callback shipped: POST {$request.body#/url}
security: oauth(read, write)
uses @Order api.yaml/schemas/Order.openapi-schema
"""
    )
    assert (
        _text(parts, "api.yaml/schemas/Order.openapi-schema")
        == """\
schema Order: object
  example: {"id": 5}
field id?: integer
  example: 5
  example: 6
"""
    )


def test_a_callback_is_an_entry_of_its_own() -> None:
    parts = _split(api=EVERYTHING)
    assert [key for key in parts.contents if "/callbacks/" in key] == [
        "api.yaml/callbacks/paths/%2Forders/post/shared/{$request.query.to}/put.openapi-operation",
        "api.yaml/callbacks/paths/%2Forders/post/shipped/{$request.body%23%2Furl}/"
        "post.openapi-operation",
    ]
    assert (
        _text(parts, next(key for key in parts.contents if "/shipped/" in key))
        == """\
POST {$request.body#/url}
callback shipped of POST /orders
summary: An order left the house.
server: https://yours.example
body
  application/json: @Parcel
response 200: Thanks
callback again: POST /x
security: oauth(read, write)
uses @Parcel api.yaml/schemas/Parcel.openapi-schema
"""
    )


def test_callbacks_that_many_share_are_followed_so_far() -> None:
    operation = {"callbacks": {"all": {"$ref": "#/all"}}}
    spec = {
        "openapi": "3.0.0",
        "paths": {f"/{number}": {"get": operation} for number in range(3)},
        "all": {f"/{number}": {"get": operation} for number in range(MAX_CALLBACKS * 2)},
    }
    assert len(_split(api=spec).contents) == 3 + 3 * MAX_CALLBACKS


def test_the_examples_of_swagger_2_stand_by_media_type() -> None:
    parts = _split(
        api="""\
swagger: '2.0'
paths:
  /a: {get: {responses: {200: {description: ok, examples: {application/json: {a: 1}}}}}}
"""
    )
    text = _text(parts, "api.yaml/paths/a/get.openapi-operation")
    assert 'response 200: ok\n  example application/json: {"a": 1}\n' in text


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(_anything)
@example(["\x00\u2028\ud800" * 99])
@example({"a": [[[[[["deep"]]]]]], **{str(n): "long " * 99 for n in range(99)}})
def test_a_sample_is_one_short_line_of_what_can_be_stored(value: Any) -> None:
    written = sample(value)
    assert len(written) <= LONGEST + 1
    assert len(written.splitlines()) == 1
    assert "\x00" not in written.encode().decode()


def test_a_small_sample_is_json() -> None:
    value = {"id": 1, "ok": True, "name": 'a "b" é', "inner": {"list": [1.5, None]}}
    assert json.loads(sample(value)) == value


def test_anchors_and_identifiers_name_schemas() -> None:
    parts = _split(
        api="""\
openapi: 3.1.0
components:
  schemas:
    Tree:
      $dynamicAnchor: node
      type: object
      properties:
        children: {type: array, items: {$dynamicRef: '#node'}}
        leaf: {$ref: '#leaf'}
        far: {$ref: 'part.yaml#far'}
        none: {$ref: '#none'}
    Leaf: {$anchor: leaf, type: string, example: {$anchor: wrong}}
    Wrong: {properties: {a: {$ref: '#wrong'}}}
    Own:
      $id: https://example.com/own
      properties:
        inner: {$ref: '#/$defs/Inner'}
        anchored: {$ref: '#inner'}
        root: {$ref: '#/components/schemas/Leaf'}
        next: {$ref: other}
        self: {$ref: 'https://example.com/own#/$defs/Inner'}
      $defs: {Inner: {$anchor: inner, type: integer}}
    Other: {$id: https://example.com/other, type: boolean}
    User: {properties: {own: {$ref: 'https://example.com/own'}}}
""",
        part="a: {b: {$anchor: far, type: number}}",
    )
    uses = {
        key: [line for line in _text(parts, key).split("\n") if line[:5] in ("uses ", "missi")]
        for key in parts.contents
    }
    assert uses["api.yaml/schemas/Tree.openapi-schema"] == [
        "uses @Tree api.yaml/schemas/Tree.openapi-schema",
        "uses @b part.yaml/parts/a/b.openapi-schema",
        "uses @Leaf api.yaml/schemas/Leaf.openapi-schema",
        "missing @none api.yaml/parts/$anchor/none.openapi-schema",
    ]
    assert uses["api.yaml/schemas/Own.openapi-schema"] == [
        "uses @Inner api.yaml/parts/components/schemas/Own/$defs/Inner.openapi-schema",
        "uses @Other api.yaml/schemas/Other.openapi-schema",
        "uses @Leaf api.yaml/schemas/Leaf.openapi-schema",
    ]
    assert uses["api.yaml/schemas/User.openapi-schema"] == [
        "uses @Own api.yaml/schemas/Own.openapi-schema"
    ]
    assert uses["api.yaml/schemas/Wrong.openapi-schema"][0].startswith("missing @wrong")


def test_every_schema_that_another_one_names_is_used() -> None:
    names = ["contains", "propertyNames", "if", "then", "else", "unevaluatedProperties",
             "unevaluatedItems", "contentSchema", "not", "additionalProperties"]  # fmt: skip
    listed = ["allOf", "oneOf", "anyOf", "prefixItems"]
    keyed = ["properties", "patternProperties", "dependentSchemas"]
    refer = {name: {"$ref": f"#/components/schemas/{name}"} for name in (*names, *listed, *keyed)}
    all_of_it = {
        "$ref": "#/components/schemas/Base",
        **{name: refer[name] for name in names},
        **{name: [refer[name]] for name in listed},
        **{name: {"a": refer[name]} for name in keyed},
        "discriminator": {"propertyName": "a", "mapping": {"x": "#/components/schemas/Mapped"}},
    }
    array = {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}
    offered = {name: {"type": "string"} for name in (*refer, "Base", "Mapped", "Item")}
    spec = {
        "openapi": "3.1.0",
        "components": {"schemas": {"All": {"anyOf": [
            {**all_of_it, "type": ["object", "array"]}, array]}, **offered}},
    }  # fmt: skip
    text = _text(_split(api=spec), "api.yaml/schemas/All.openapi-schema")
    assert {line.split(" ")[1] for line in text.split("\n") if line.startswith("uses ")} == {
        f"@{name}" for name in offered
    }


@pytest.mark.parametrize(
    ("broken", "problems"),
    [
        ({"paths": [1]}, {"api.yaml/paths": "paths must be a mapping"}),
        ({"webhooks": "x"}, {"api.yaml/webhooks": "webhooks must be a mapping"}),
        ({"definitions": 1}, {"api.yaml/definitions": "definitions must be a mapping"}),
        ({"paths": {"/b": 1}}, {"api.yaml/paths/%2Fb": "/b must be a mapping"}),
        (
            {"paths": {"/b": {"$ref": "#/none"}}},
            {"api.yaml/paths/%2Fb": "/b refers to #/none, which is not in the catalogue"},
        ),
        (
            {"paths": {"/b": {"get": []}}},
            {"api.yaml/paths/b/get.openapi-operation": "get /b: an operation must be a mapping"},
        ),
        (
            {"paths": {"/b": {"get": {"callbacks": {"c": {"x": {"put": 1}}}}}}},
            {"api.yaml/callbacks/paths/%2Fb/get/c/x/put.openapi-operation":
             "put x: an operation must be a mapping"},
        ),
    ],
)  # fmt: skip
def test_a_malformed_part_is_a_problem_at_its_own_key(
    broken: dict[str, Any], problems: dict[str, str]
) -> None:
    good = {
        "openapi": "3.1.0",
        "components": {"schemas": {"A": {}}},
        "webhooks": {"w": {"get": {}}},
    }
    parts = _split(api=good | broken, other={"openapi": "3.1.0", "paths": {"/": {"get": {}}}})
    assert parts.problems == problems
    assert parts.broken == set()
    expected = {"api.yaml/schemas/A.openapi-schema", "other.yaml/paths/%/get.openapi-operation"}
    assert expected <= parts.contents.keys()


def test_components_that_are_none_cost_no_operation() -> None:
    for components in (7, {"schemas": 7}):
        spec = {"openapi": "3.1.0", "paths": {"/a": {"get": {}}}, "components": components}
        parts = _split(api=spec)
        assert list(parts.contents) == ["api.yaml/paths/a/get.openapi-operation"]
        assert len(parts.problems) == 1
