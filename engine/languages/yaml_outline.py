"""The structure of a YAML text as its indentation shows it. Expands nothing, loads nothing.

Not the grammar: its scanner keeps the open levels in a fixed buffer and a text with a
thousand of them brings the process down.
"""

import re
from collections.abc import Iterator

from engine.languages.chunks import Span
from engine.languages.outline import Outline

_KEY = re.compile(
    rb"""(?:-\ +)*
    (?:"([^"]{1,120})" | '([^']{1,120})' | ([^\s:\#"'{\[&*!|>%@`][^:\#]{0,120}?))
    [ \t]*:(?=\s|$)""",
    re.VERBOSE,
)
_DEEPEST_SYMBOL = 3


def outline_of(source: bytes) -> tuple[Outline, list[Span]]:
    """Lines in the lines that they are indented under, with the paths of the outer keys."""
    root = Outline("document", 0, len(source))
    around: list[tuple[int, Outline, str]] = [(-1, root, "")]
    spans: list[Span] = []
    for rank, start, line in _ranked_lines(source):
        while around[-1][0] >= rank:
            _close(around, start, spans)
        path = _path(around, line)
        node = Outline("comment" if line.startswith(b"#") else "entry", start, len(source))
        around[-1][1].children.append(node)
        around.append((rank, node, path))
    while len(around) > 1:
        _close(around, len(source), spans)
    return root, spans


def _close(around: list[tuple[int, Outline, str]], at: int, spans: list[Span]) -> None:
    _, node, path = around.pop()
    node.end_byte = at
    if path:
        spans.append(Span(node.start_byte, at, path, "key"))


def _ranked_lines(source: bytes) -> Iterator[tuple[int, int, bytes]]:
    """How deep each line that is not blank stands, its offset, its text.

    Items of a list may stand as far left as the key that they belong to, so a dash
    counts as half a column.
    """
    offset = 0
    for line in source.splitlines(keepends=True):
        text = line.lstrip()
        if text:
            indent = len(line) - len(text)
            is_item = text.startswith(b"-") and not text.startswith(b"---")
            yield 2 * indent + is_item, offset + indent, text
        offset += len(line)


def _path(around: list[tuple[int, Outline, str]], line: bytes) -> str:
    """The dotted path of a key near the top; empty for all other lines."""
    above = around[-1][2]
    if len(around) > _DEEPEST_SYMBOL or (len(around) > 1 and not above):
        return ""
    match = _KEY.match(line)
    if not match:
        return ""
    key = (match[1] or match[2] or match[3]).decode(errors="ignore")
    return f"{above}.{key}" if above else key
