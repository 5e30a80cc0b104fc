"""From the bytes of a document to its values, JSON or YAML, within bounds. Knows no OpenAPI."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from engine.sources.openapi.problem import DocumentProblem
from engine.sources.openapi.yaml_document import load_yaml

_LONGEST_NUMBER = 40


def parse_document(name: str, content: bytes, warn: Callable[[str], None]) -> Any:
    """The value of a document. Raises `DocumentProblem`.

    A key that stands twice in one mapping is a mistake that costs its first value only:
    `warn` is told.
    """
    try:
        source = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentProblem(f"not UTF-8: byte {error.start}") from None
    if not source.lstrip().startswith(("{", "[")):
        return load_yaml(source, warn)
    try:
        return _load_json(source, warn)
    except json.JSONDecodeError as error:
        if name.endswith((".yaml", ".yml")):
            # What begins with a brace may still be YAML.
            return load_yaml(source, warn)
        raise DocumentProblem(f"line {error.lineno}: not valid JSON: {error.msg}") from None
    except RecursionError:
        raise DocumentProblem("nested too deeply") from None


def _load_json(source: str, warn: Callable[[str], None]) -> Any:
    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            counted = Counter(key for key, _ in pairs)
            warn(f"the key {counted.most_common(1)[0][0][:80]!r} stands twice in one object; "
                 "the last one counts")  # fmt: skip
        return found

    return json.loads(
        source,
        object_pairs_hook=checked,
        parse_int=_integer,
        parse_float=_float,
        parse_constant=str,
    )


def _integer(text: str) -> int | str:
    """A number too long to be one stays text."""
    return int(text) if len(text) <= _LONGEST_NUMBER else text


def _float(text: str) -> float | str:
    number = float(text)
    return number if abs(number) != float("inf") else text
