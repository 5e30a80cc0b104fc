"""From the bytes of a document to its values, JSON or YAML, within bounds. Knows no OpenAPI."""

import json
from typing import Any

from engine.sources.openapi.problem import DocumentProblem
from engine.sources.openapi.yaml_document import load_yaml

_LONGEST_NUMBER = 40


def parse_document(name: str, content: bytes) -> Any:
    """The value of a document. Raises `DocumentProblem`."""
    try:
        source = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentProblem(f"not UTF-8: byte {error.start}") from None
    if not source.lstrip().startswith(("{", "[")):
        return load_yaml(source)
    try:
        return _load_json(source)
    except json.JSONDecodeError as error:
        if name.endswith((".yaml", ".yml")):
            # What begins with a brace may still be YAML.
            return load_yaml(source)
        raise DocumentProblem(f"line {error.lineno}: not valid JSON: {error.msg}") from None
    except RecursionError:
        raise DocumentProblem("nested too deeply") from None


def _load_json(source: str) -> Any:
    return json.loads(
        source,
        object_pairs_hook=_object,
        parse_int=_integer,
        parse_float=_float,
        parse_constant=str,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise DocumentProblem(f"the key {twice[:80]!r} stands twice in one object")
    return found


def _integer(text: str) -> int | str:
    """A number too long to be one stays text."""
    return int(text) if len(text) <= _LONGEST_NUMBER else text


def _float(text: str) -> float | str:
    number = float(text)
    return number if abs(number) != float("inf") else text
