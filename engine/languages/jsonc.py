"""JSON with comments and trailing commas, as configuration files write it."""

import json
import re

_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*+"?|//[^\r\n]*|/\*(?:.*?\*/|.*)', re.DOTALL)
_TRAILING_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+"?|,(?=\s*[}\]])', re.DOTALL)


def parse_object(text: str) -> dict[str, object] | None:
    """The object that `text` holds, or nothing when it holds none or is malformed."""
    try:
        value = json.loads(_without(_TRAILING_COMMA, _without(_COMMENT, text.lstrip("\ufeff"))))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def strings(value: object) -> tuple[str, ...]:
    """The strings of a list, or the one string, that `value` is."""
    if isinstance(value, str):
        return (value,)
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def _without(pattern: re.Pattern[str], text: str) -> str:
    """Blank what `pattern` matches outside of strings; its first branch matches the strings."""
    return pattern.sub(lambda match: match[0] if match[0].startswith('"') else " ", text)
