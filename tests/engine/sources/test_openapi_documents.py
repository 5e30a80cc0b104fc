"""What is read from JSON and YAML, what is refused, and what each version of OpenAPI becomes."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sources import key_of
from engine.sources.openapi.library import Library
from engine.sources.openapi.parse_document import parse_document
from engine.sources.openapi.part_keys import operation_key, schema_key
from engine.sources.openapi.problem import DocumentProblem
from engine.sources.openapi.split import Parts, split
from engine.sources.openapi.yaml_document import load_yaml

# YAML escapes some characters that JSON leaves as they are.
_text_of_both = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cf", "Cn", "Zl", "Zp"]), max_size=9
)
_scalars = st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), _text_of_both)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text_of_both, inner),
    max_leaves=20,
)

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@given(_values)
def test_json_is_read_alike_by_both_readers(value: Any) -> None:
    text = json.dumps({"a": value}, ensure_ascii=False)
    assert parse_document("a.json", text.encode(), pytest.fail) == load_yaml(text, pytest.fail)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("200: a", {"200": "a"}),
        ("no: yes", {"no": "yes"}),
        ("a: 010", {"a": 10}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: 1e999", {"a": "1e999"}),
        (f"a: {'9' * 5000}", {"a": "9" * 5000}),
        ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}}),
        ("null: 1", {"null": 1}),
        ("'': 1", {"": 1}),
        ("a: '1'", {"a": "1"}),
    ],
)
def test_scalars_are_those_of_json(source: str, value: Any) -> None:
    assert load_yaml(source, pytest.fail) == value


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (BOMB, "with what aliases stand for"),
        ("a: &a [*a]", r"\*a stands for nothing yet"),
        ("a: *b", r"\*b stands for nothing yet"),
        ("a: " + "[" * 5000, "nested deeper than 200"),
        ("? [a]\n: 1", "a key must be a single value"),
        ("a: 1\n---\nb: 2", "line 2: a second document"),
        ("a: [", "not valid YAML"),
        ("a: !!python/object/apply:os.system [x]\nb: [", "not valid YAML"),
        ("a: \x00", "not valid YAML"),
        ("a: " + "{" * 100_000, "not valid YAML|nested|single value"),
        ('{"a": ' * 100_000, "nested too deeply"),
        ('{"a": }', "line 1: not valid JSON"),
        (b"\xff\xfea", "not UTF-8"),
    ],
)
def test_what_is_malformed_or_meant_to_hurt_is_refused_at_once(
    source: str | bytes, reason: str
) -> None:
    content = source if isinstance(source, bytes) else source.encode()
    started = time.monotonic()
    with pytest.raises(DocumentProblem, match=reason):
        parse_document("a.json", content, pytest.fail)
    assert time.monotonic() - started < 20


def test_a_tag_makes_no_object() -> None:
    assert load_yaml("a: !!python/object/apply:os.system [x]", pytest.fail) == {"a": ["x"]}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' stands twice; the last one counts"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' stands twice in one object; the last one counts"),
    ],
)
def test_a_key_that_stands_twice_costs_its_first_value_only(source: str, told: str) -> None:
    warnings: list[str] = []
    assert parse_document("a.yaml", source.encode(), warnings.append) == {"a": 3, "b": 2}
    assert warnings == [told]


def _split(**documents: Any) -> Parts:
    texts = {
        f"{name}.yaml": (text if isinstance(text, str) else json.dumps(text)).encode()
        for name, text in documents.items()
    }
    named = [name for name in texts if not name.startswith("part")]
    return split(Library(texts), named)


def _text(parts: Parts, key: str) -> str:
    return parts.contents[key].decode()


def test_swagger_2_is_read() -> None:
    parts = _split(
        api="""\
swagger: '2.0'
consumes: [application/json]
produces: [application/json, text/xml]
parameters:
  page: {name: page, in: query, type: integer, maximum: 100}
responses:
  Bad: {description: Bad, schema: {$ref: '#/definitions/Error'}}
paths:
  /pets:
    post:
      parameters:
        - $ref: '#/parameters/page'
        - {name: pet, in: body, required: true, schema: {$ref: '#/definitions/Pet'}}
        - {name: photo, in: formData, type: file}
      responses:
        200: {description: ok, schema: {type: array, items: {$ref: '#/definitions/Pet'}}}
        400: {$ref: '#/responses/Bad'}
definitions:
  Pet: {type: object, properties: {name: {type: string}}}
  Error: {type: object}
"""
    )
    assert parts.problems == {}
    assert (
        _text(parts, "api.yaml/paths/pets/post.openapi-operation")
        == """\
POST /pets
parameter page in query: integer(<=100)
body pet, required application/json: @Pet
body photo application/json: file
response 200: ok
  application/json, text/xml: @Pet[]
response 400: Bad
  application/json, text/xml: @Error
uses @Pet api.yaml/schemas/Pet.openapi-schema
uses @Error api.yaml/schemas/Error.openapi-schema
"""
    )


def test_openapi_3_1_is_read() -> None:
    parts = _split(
        api="""\
openapi: 3.1.0
webhooks:
  pet/new:
    post:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
components:
  schemas:
    Pet:
      type: [object, 'null']
      required: [tag]
      properties:
        tag: {const: pet}
        size: {type: [number, 'null'], exclusiveMinimum: 0}
        pair: {type: array, prefixItems: [{type: string}, true]}
      patternProperties: {'^x-': {type: string}}
    Cat:
      allOf:
        - $ref: '#/components/schemas/Pet'
        - {type: object, properties: {lives: {type: integer, default: 9}}}
    Any: {oneOf: [{$ref: '#/components/schemas/Cat'}, {type: string}]}
    Loop: {$ref: '#/components/schemas/Loop'}
"""
    )
    assert parts.problems == {}
    assert "  application/json: @Pet\n" in _text(
        parts, "api.yaml/webhooks/pet%2Fnew/post.openapi-operation"
    )
    assert (
        _text(parts, "api.yaml/schemas/Pet.openapi-schema")
        == """\
schema Pet: {[/^x-/]: string} | null
field pair?: [string, any]
field size?: number(>0) | null
field tag: "pet"
"""
    )
    assert _text(parts, "api.yaml/schemas/Cat.openapi-schema").startswith(
        "schema Cat: @Pet & object\nfield lives?: integer(default 9)\n"
    )
    assert "schema Any: @Cat | string\n" in _text(parts, "api.yaml/schemas/Any.openapi-schema")
    assert "schema Loop: @Loop\n" in _text(parts, "api.yaml/schemas/Loop.openapi-schema")


def test_references_lead_into_other_documents_and_fragments_and_never_out() -> None:
    parts = _split(
        api="""\
openapi: 3.0.0
paths:
  /a:
    get:
      responses:
        200: {$ref: 'part.yaml#/answers/Fine'}
        201: {content: {a/b: {schema: {$ref: 'https://example.com/x.json#/Far'}}}}
        202: {content: {a/b: {schema: {$ref: '../../etc/passwd'}}}}
        203: {content: {a/b: {schema: {$ref: '#/components/schemas/Gone'}}}}
        204: {content: {a/b: {schema: {$ref: '#/paths/~1a/get/responses/205/x'}}}}
        205: {x: {type: string}}
""",
        part="""\
answers:
  Fine: {description: fine, content: {a/b: {schema: {$ref: '#/Shape'}}}}
Shape: {type: object, properties: {inner: {$ref: './part.yaml#/Inner'}}}
Inner: {type: integer}
""",
    )
    text = _text(parts, "api.yaml/paths/a/get.openapi-operation")
    assert text.split("\n")[-6:-1] == [
        "uses @Shape part.yaml/parts/Shape.openapi-schema",
        "remote @Far https://example.com/x.json#/Far",
        "remote @passwd ../../etc/passwd",
        "missing @Gone api.yaml/schemas/Gone.openapi-schema",
        "uses @x api.yaml/parts/paths/%2Fa/get/responses/205/x.openapi-schema",
    ]
    assert "part.yaml/parts/Inner.openapi-schema" in parts.contents


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "no mapping at its root"),
        ("a: 1", "no version"),
        ("openapi: 4.0.0", "version '4.0.0'"),
    ],
)
def test_a_document_that_is_none_is_a_problem_at_its_key_alone(text: str, reason: str) -> None:
    parts = _split(bad=text, good={"openapi": "3.0.0", "paths": {"/": {"get": {}}}})
    assert reason in parts.problems["bad.yaml"]
    assert list(parts.contents) == ["good.yaml/paths/%/get.openapi-operation"]


# Names and values that nobody should write: NUL, surrogates, numbers that are none.
_strange = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(["#", "#/a", "x.json#b", "\x00", "\ud800", "//[", 10**50, -(10**4000)]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.text()
        | st.sampled_from(["$ref", "$id", "$anchor", "$dynamicRef", "type", "properties", "allOf",
                           "mapping", "value", "schema", "content", "post", "in", "name"]),
        inner,
    ),
    max_leaves=20,
)  # fmt: skip


@given(_values | _strange, st.sampled_from(["paths", "components", "path", "operation", "schema"]))
def test_nothing_in_a_document_is_too_strange(value: Any, place: str) -> None:
    spec: dict[str, Any] = {"openapi": "3.0.0", "paths": {"/a": {"get": {}}}}
    match place:
        case "paths" | "components":
            spec[place] = value
        case "path":
            spec["paths"] = {"/a": value}
        case "operation":
            spec["paths"]["/a"]["get"] = {
                "parameters": value, "responses": value, "requestBody": value, "tags": value,
                "callbacks": value, "servers": value, "security": value, "description": value,
            }  # fmt: skip
            spec["paths"]["/a"]["post"] = {
                "responses": {"200": {"links": value, "headers": value, "examples": value}},
                "callbacks": {"c": {"x": value}},
                "requestBody": {"content": {"a/b": {"examples": value, "schema": value}}},
            }
        case "schema":
            spec["components"] = {"schemas": {"A": value, "B": {"properties": value}}}
    parts = _split(api=spec)
    assert all(key_of(key) == key for key in (*parts.contents, *parts.problems))
    assert not any(b"\x00" in content for content in parts.contents.values())
    if place in ("operation", "schema"):
        assert "api.yaml/paths/a/get.openapi-operation" in parts.contents


@given(st.text(), st.text(), st.text(), st.text())
def test_keys_are_keys_and_no_two_places_share_one(
    path: str, other: str, method: str, another: str
) -> None:
    one, two = operation_key("d", path, method), operation_key("d", other, another)
    assert key_of(one) == one
    assert (one == two) == ((path, method) == (other, another)) or not (path + other).isprintable()
    assert key_of(schema_key("d", (path, method))) == schema_key("d", (path, method))


def test_a_document_that_grows_when_it_is_written_out_is_refused() -> None:
    shared = {"description": "x" * 10_000}
    spec = {
        "openapi": "3.0.0",
        "paths": {f"/{n}": {"get": {"parameters": [{"$ref": "#/p"}]}} for n in range(99)},
        "p": {"name": "a", "in": "query", **shared},
    }
    texts = {"a.json": json.dumps(spec).encode()}
    assert split(Library(texts), ["a.json"]).problems == {}
    assert split(Library(texts), ["a.json"], max_bytes=100_000).broken == {"a.json"}
