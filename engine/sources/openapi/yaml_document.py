"""Read one YAML document within bounds. Makes plain values only; knows no OpenAPI.

Built from the parser's events, because a loader expands what aliases stand for before
anybody can count it: here an alias costs as many nodes as it stands for. Scalars are read
by the rules of YAML 1.2, which are those of JSON: `no` is a word and `on` a key.
"""

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.sources.openapi.problem import DocumentProblem

MAX_NODES = 3_000_000
MAX_DEPTH = 200

_INTEGER = re.compile(r"[-+]?[0-9]{1,40}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,4})?")
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_MERGE = "<<"


def load_yaml(
    source: str,
    warn: Callable[[str], None],
    *,
    max_nodes: int = MAX_NODES,
    max_depth: int = MAX_DEPTH,
) -> Any:
    """The value of the only document of `source`. Raises `DocumentProblem`.

    `warn` is told of keys that stand twice, of which the last one counts.
    """
    builder = _Builder(warn, max_nodes, max_depth)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # The events are made one by one: what is too much is never parsed to its end.
        for event in yaml.parse(source, Loader=loader):
            builder.add(event)
    except yaml.YAMLError as error:
        raise DocumentProblem(_told(error)) from None
    return builder.root


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come. `size` counts its nodes, aliases expanded."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    size: int = 1
    key: str | None = None
    merged: list[Any] = field(default_factory=list)


class _Builder:
    def __init__(self, warn: Callable[[str], None], max_nodes: int, max_depth: int) -> None:
        self._warn = warn
        self._max_nodes = max_nodes
        self._max_depth = max_depth
        self._nodes = 0
        self._open: list[_Open] = []
        self._anchored: dict[str, tuple[Any, int]] = {}
        self._documents = 0
        self.root: Any = None

    def add(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                self._add_scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end(event)
            case yaml.AliasEvent():
                self._add_alias(event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise DocumentProblem(f"{_line(event)}: a second document begins")

    def _add_scalar(self, event: Any) -> None:
        is_key = self._awaits_key()
        value = event.value if is_key or not event.implicit[0] else _plain(event.value)
        self._keep_anchor(event.anchor, value, 1)
        self._put(value, 1, event)

    def _begin(self, event: Any) -> None:
        if self._awaits_key():
            raise DocumentProblem(f"{_line(event)}: a key must be a single value")
        if len(self._open) >= self._max_depth:
            raise DocumentProblem(f"{_line(event)}: nested deeper than {self._max_depth}")
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        # Until its end the anchor stands for nothing, so that nothing can contain itself.
        self._anchored.pop(event.anchor, None)
        self._open.append(_Open(value, event.anchor))

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        if done.merged and isinstance(done.value, dict):
            done.size += _merge(done.value, done.merged, event)
        self._keep_anchor(done.anchor, done.value, done.size)
        self._put(done.value, done.size, event, counted=done.size - 1)

    def _add_alias(self, event: Any) -> None:
        found = self._anchored.get(event.anchor)
        if found is None:
            raise DocumentProblem(f"{_line(event)}: *{event.anchor} stands for nothing yet")
        value, size = found
        if self._awaits_key() and not isinstance(value, Hashable):
            raise DocumentProblem(f"{_line(event)}: a key must be a single value")
        self._put(value, size, event)

    def _put(self, value: Any, size: int, event: Any, *, counted: int = 0) -> None:
        self._nodes += size - counted
        if self._nodes > self._max_nodes:
            raise DocumentProblem(
                f"{_line(event)}: more than {self._max_nodes} values, with what aliases stand for"
            )
        if not self._open:
            self.root = value
            return
        around = self._open[-1]
        around.size += size
        if isinstance(around.value, list):
            around.value.append(value)
        elif around.key is None:
            around.key = str(value)
            if around.key in around.value:
                told = f"the key {around.key[:80]!r} stands twice; the last one counts"
                self._warn(f"{_line(event)}: {told}")
        else:
            self._put_value(around, around.key, value)

    def _put_value(self, around: _Open, key: str, value: Any) -> None:
        around.key = None
        if key == _MERGE and isinstance(value, dict | list):
            around.merged.extend(value if isinstance(value, list) else [value])
        elif isinstance(around.value, dict):
            around.value[key] = value

    def _awaits_key(self) -> bool:
        if not self._open:
            return False
        return isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def _keep_anchor(self, anchor: str | None, value: Any, size: int) -> None:
        if anchor is not None:
            self._anchored[anchor] = value, size


def _merge(target: dict[str, Any], merged: list[Any], event: Any) -> int:
    """What `<<` brings: what is written out wins, then what comes first."""
    added = 0
    for each in merged:
        if not isinstance(each, dict):
            raise DocumentProblem(f"{_line(event)}: << needs a mapping")
        for key, value in each.items():
            added += key not in target
            target.setdefault(key, value)
    return added


def _plain(value: str) -> Any:
    """A scalar without quotes. A number too long to be one stays text."""
    if value in _WORDS:
        return _WORDS[value]
    if _INTEGER.fullmatch(value):
        return int(value)
    if _FLOAT.fullmatch(value):
        number = float(value)
        return number if abs(number) != float("inf") else value
    return value


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"


def _told(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return f"{where}not valid YAML: {getattr(error, 'problem', None) or 'unreadable characters'}"
