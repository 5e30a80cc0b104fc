"""The OpenAPI description of the API, made from the values that it takes."""

from typing import Any

import msgspec

from engine.web import requests
from engine.web.events import EventsQuery

_COMPONENTS = "#/components/schemas/{name}"

_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The realm's name, encoded so that it is one segment.",
    "schema": {"type": "string"},
}
_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
}
_KEY_ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A request with the key of an earlier one gets that one's job, for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_LAST_EVENT = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event that was read.",
    "schema": {"type": "string"},
}

_Operation = tuple[str, str, str, dict[str, Any]]


def description(root: str = "") -> dict[str, Any]:
    """The document, for an app that is mounted below `root`."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary, rest in _operations():
        paths.setdefault(path, {})[method] = _operation(summary, **rest)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Widthwise", "version": "1", "license": {"name": "Apache-2.0"}},
        "servers": [{"url": root or "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas() | _ANSWERS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operations() -> list[_Operation]:
    realm = "/realms/{name}"
    return [
        ("get", "/realms", "The realms, by name", _query(requests.RealmsQuery)),
        (
            "post",
            "/realms",
            "Add a realm",
            {
                "body": "NewRealm",
                "answers": {200: _ref("Realm"), 201: _ref("Realm")},
                "problems": (403, 409),
            },
        ),
        ("get", realm, "A realm", _of(_NAME, answer=_ref("Realm"))),
        ("delete", realm, "Delete a realm's index", _of(_NAME, answers={204: None})),
        (
            "post",
            f"{realm}/index",
            "Ask for a pass",
            {
                "parameters": [_NAME, _KEY_ONCE],
                "body": "IndexRequest",
                "answers": {202: _ref("Job")},
                "problems": (403, 404),
            },
        ),
        ("get", f"{realm}/status", "A realm's state", _of(_NAME, answer=_ref("Realm"))),
        ("get", f"{realm}/entries", "Its files", _of(_NAME, *_fields(requests.EntriesQuery))),
        ("get", f"{realm}/errors", "Files whose visit failed", _of(_NAME)),
        (
            "get",
            f"{realm}/explain",
            "Why a file was visited, or not",
            _of(_NAME, *_fields(requests.KeyQuery)),
        ),
        (
            "get",
            f"{realm}/graph",
            "What a file depends on, who depends on it, what a change of it concerns",
            _of(_NAME, *_fields(requests.GraphQuery)),
        ),
        (
            "get",
            f"{realm}/lines",
            "Lines of a file as it was indexed",
            _of(_NAME, *_fields(requests.LinesQuery), answer=_ref("Lines")),
        ),
        (
            "get",
            f"{realm}/outline",
            "What a file declares, and in which lines",
            _of(_NAME, *_fields(requests.OutlineQuery), answer=_ref("Outline")),
        ),
        ("get", "/search", "Search", _query(requests.SearchQuery)),
        ("get", "/jobs", "Jobs, the newest first", _query(requests.JobsQuery)),
        ("get", "/jobs/{id}", "A job with its attempts", _of(_ID, answer=_ref("Job"))),
        ("post", "/jobs/{id}/cancel", "End a job", _of(_ID, answer=_ref("Job"))),
        ("post", "/jobs/{id}/retry", "Try a job again", _of(_ID, answers={202: _ref("Job")})),
        (
            "get",
            "/events",
            "Jobs as they move",
            {
                "parameters": [_LAST_EVENT, *_fields(EventsQuery)],
                "media": "text/event-stream",
                "problems": (404,),
            },
        ),
        ("get", "/healthz", "Whether the server lives", {"open": True}),
        ("get", "/readyz", "Whether it can work", {"open": True, "answers": {200: {}, 503: {}}}),
        ("get", "/metrics", "Counts", {"media": "text/plain", "problems": (403,)}),
    ]


def _query(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {"parameters": _fields(kind), "problems": (404,)}


def _of(*parameters: dict[str, Any], answer: Any = None, answers: Any = None) -> dict[str, Any]:
    answers = answers or {200: answer or {"type": "object"}}
    return {"parameters": list(parameters), "answers": answers, "problems": (403, 404)}


def _fields(kind: type[msgspec.Struct]) -> list[dict[str, Any]]:
    """The fields of a query as parameters."""
    (_, components) = msgspec.json.schema_components([kind], ref_template=_COMPONENTS)
    schema = components[kind.__name__]
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": each}
        for name, each in schema["properties"].items()
    ]


def _operation(
    summary: str,
    *,
    parameters: Any = (),
    body: str | None = None,
    answers: Any = None,
    media: str = "application/json",
    problems: tuple[int, ...] = (),
    open: bool = False,  # noqa: A002 - as in open to everybody
) -> dict[str, Any]:
    found: dict[str, Any] = {"summary": summary, "parameters": list(parameters)}
    if body:
        content = {"application/json": {"schema": _ref(body)}}
        found["requestBody"] = {"required": body == "NewRealm", "content": content}
        problems = (413, 415, *problems)
    responses = {
        str(status): _answer(schema, media)
        for status, schema in (answers or {200: {"type": "object"}}).items()
    }
    usual = () if open else (400, 401, 422, 429, 503, 504)
    for status in sorted({*usual, *problems}):
        responses[str(status)] = {
            "description": "a problem",
            "content": {"application/problem+json": {"schema": _ref("Problem")}},
        }
    if open:
        found["security"] = []
    return found | {"responses": responses}


def _answer(schema: Any, media: str) -> dict[str, Any]:
    if schema is None:
        return {"description": "done"}
    shown = schema if media == "application/json" else {"type": "string"}
    return {"description": "the answer", "content": {media: {"schema": shown}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _COMPONENTS.format(name=name)}


def _schemas() -> dict[str, Any]:
    kinds = (
        requests.NewRealm,
        requests.IndexRequest,
        # Their states are named by parameters.
        requests.JobsQuery,
    )
    _, components = msgspec.json.schema_components(kinds, ref_template=_COMPONENTS)
    components.pop("JobsQuery")
    return components


_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_COUNT = {"type": "integer", "minimum": 0}

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT},
}
_JOB: dict[str, Any] = {
    "type": "object",
    "required": ["id", "realm", "state", "phase", "done", "total", "error"],
    "properties": {
        "id": {"type": "integer"},
        "realm": _TEXT,
        "tenant": _TEXT,
        "state": {"enum": ["pending", "running", "succeeded", "failed", "cancelled"]},
        "retrying": {"type": "boolean"},
        "attempt": _COUNT,
        "max_attempts": _COUNT,
        "phase": _TEXT,
        "done": _COUNT,
        "total": _COUNT,
        "error": _MAYBE_TEXT,
        "error_kind": _MAYBE_TEXT,
        "report": {"type": ["object", "null"]},
        "joined": {"type": "boolean"},
    },
}
_REALM: dict[str, Any] = {
    "type": "object",
    "required": ["name", "tenant", "source", "label", "condition", "generation", "files"],
    "properties": {
        "name": _TEXT,
        "tenant": _TEXT,
        "source": {"type": "object"},
        "label": _TEXT,
        "condition": _TEXT,
        "error": _MAYBE_TEXT,
        "paused": {"type": "boolean"},
        "generation": _COUNT,
        "revision": _MAYBE_TEXT,
        "indexed_at": _MAYBE_TEXT,
        "files": _COUNT,
        "errors": _COUNT,
        "skipped": _COUNT,
        "chunks": _COUNT,
        "job": {"oneOf": [_ref("Job"), {"type": "null"}]},
    },
}
_MAYBE_COUNT = {"type": ["integer", "null"], "minimum": 0}
_NOTES = {"type": "array", "items": _TEXT, "description": "What a reader has to know."}
_OF_A_FILE: dict[str, Any] = {
    "realm": _TEXT,
    "path": _TEXT,
    "language": _TEXT,
    "generation": _COUNT,
    "commit": _TEXT,
    "notes": _NOTES,
}
_LINES: dict[str, Any] = {
    "type": "object",
    "required": [*_OF_A_FILE, "start_line", "end_line", "line_count", "lines", "exact"],
    "properties": {
        **_OF_A_FILE,
        "start_line": _COUNT,
        "end_line": _COUNT,
        "line_count": _COUNT,
        "lines": {"type": "array", "items": _TEXT, "maxItems": 1_000},
        "exact": {"type": "boolean", "description": "Proven to be the file's text."},
        "next_line": _MAYBE_COUNT | {"description": "Where to go on; null at the end."},
    },
}
_PART: dict[str, Any] = {
    "type": "object",
    "required": ["symbol", "kind", "start_line", "end_line", "signature"],
    "properties": {
        "symbol": _TEXT,
        "kind": _TEXT,
        "start_line": _COUNT,
        "end_line": _COUNT,
        "signature": _TEXT,
    },
}
_OUTLINE: dict[str, Any] = {
    "type": "object",
    "required": [*_OF_A_FILE, "skipped", "part_count", "parts", "next_skip"],
    "properties": {
        **_OF_A_FILE,
        "skipped": _COUNT,
        "part_count": _COUNT,
        "parts": {"type": "array", "items": _ref("Part")},
        "next_skip": _MAYBE_COUNT | {"description": "Where to go on; null at the end."},
    },
}
_ANSWERS = {
    "Problem": _PROBLEM,
    "Job": _JOB,
    "Realm": _REALM,
    "Lines": _LINES,
    "Part": _PART,
    "Outline": _OUTLINE,
}
