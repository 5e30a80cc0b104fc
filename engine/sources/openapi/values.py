"""Values of a parsed document, taken for what they should be. Knows no OpenAPI.

Documents are written by strangers: whatever has another type than it should counts as
not there, so that a mistake costs what it says and nothing else.
"""

import hashlib
import json
import re
from typing import Any

Mapping = dict[str, Any]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST_VALUE = 80
_LONGEST_LINE = 400


def mapping(value: object) -> Mapping:
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def hash_of(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def members(value: object) -> list[tuple[str, Any]]:
    """What a mapping holds by name, sorted, without the extensions that tools invent (`x-`)."""
    return sorted((name, each) for name, each in mapping(value).items() if name[:2] != "x-")


def text(value: object) -> str:
    """Text that can be stored; numbers count as text, because YAML makes some of it."""
    if isinstance(value, str) and value.isascii() and value.isprintable():
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    lines = str(value).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub(" ", lines.encode("utf-8", "replace").decode())


def line(value: object) -> str:
    """Text in one line, cut where nobody reads on."""
    joined = " ".join(text(value).split())
    return joined if len(joined) <= _LONGEST_LINE else joined[:_LONGEST_LINE] + "…"


def literal(value: object) -> str:
    """A value as JSON in one line; a long one is cut."""
    written = json.dumps(_shallow(value), ensure_ascii=True, sort_keys=True)
    return written if len(written) <= _LONGEST_VALUE else written[:_LONGEST_VALUE] + "…"


def _shallow(value: object) -> object:
    """What is deep is not worth its place in a line, and could be too deep to be written."""
    if isinstance(value, dict):
        return dict.fromkeys(value, "…")
    return ["…"] * min(len(value), 9) if isinstance(value, list) else value
