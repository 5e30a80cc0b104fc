"""A filter on the documents of entries, as Postgres asks it. What is asked for is never SQL."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.errors import BadFilter

Scalar: TypeAlias = str | int | float | bool
Condition: TypeAlias = Scalar | tuple[str, Scalar | Sequence[Scalar]]
Where: TypeAlias = Mapping[str, Condition]
"""What attributes must be, by their dotted names: a value, or an operator with one."""

_OPERATORS = {
    "eq": "@ == {value}",
    # Postgres says that null is unequal; here it is no value at all.
    "ne": "@ != null && @ != {value}",
    "gt": "@ > {value}",
    "ge": "@ >= {value}",
    "lt": "@ < {value}",
    "le": "@ <= {value}",
    "in": "@ == {value}[*]",
    "starts": "@ starts with {value}",
}
_NAME = re.compile(r"[^\W\d]\w*", re.ASCII)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
MOST_CONDITIONS = 32
MOST_CHOICES = 1_000


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """`types` must be contained in the document, `path` hold with the variables; or nothing."""

    types: str | None = None
    path: str | None = None
    variables: str = field(default="{}")

    @property
    def parameters(self) -> tuple[str | None, str | None, str]:
        return self.types, self.path, self.variables


def document_filter(type_name: str | None, where: Where | None) -> DocumentFilter:
    """Raises `BadFilter` for names, operators or values that can't be asked for.

    A type is a class name (`Person`), or one of a module (`person.gts#Person`).
    """
    conditions = where or {}
    if len(conditions) > MOST_CONDITIONS:
        raise BadFilter(f"{len(conditions)} conditions: at most {MOST_CONDITIONS}")
    paths, variables = [], {}
    for place, (name, condition) in enumerate(conditions.items()):
        operator, value = condition if isinstance(condition, tuple) else ("eq", condition)
        paths.append(_path(name, operator, f"$v{place}"))
        variables[f"v{place}"] = _value(name, operator, value)
    return DocumentFilter(
        None if type_name is None else _types(type_name),
        " && ".join(paths) or None,
        json.dumps(variables),
    )


def _types(name: str) -> str:
    if _UNSTORABLE.search(name):
        raise BadFilter(f"{name!r} is no name of a type")
    return json.dumps({"classes" if "#" in name else "types": [name]})


def _path(name: str, operator: str, variable: str) -> str:
    """Some value of the attribute fits: one of a field that contains many is enough."""
    parts = name.split(".")
    if not all(map(_NAME.fullmatch, parts)) or operator not in _OPERATORS:
        raise BadFilter(
            f"{name!r} {operator!r}: a dotted name of an attribute, and one of "
            + ", ".join(_OPERATORS)
        )
    steps = "".join(f'."{part}"[*]' for part in parts)
    return f"exists($.attributes{steps} ? ({_OPERATORS[operator].format(value=variable)}))"


def _value(name: str, operator: str, value: Scalar | Sequence[Scalar]) -> object:
    """The value, if it is of a kind that JSON has and Postgres can hold."""
    if operator == "in":
        if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > MOST_CHOICES:
            raise BadFilter(f"{name}: `in` takes a list of at most {MOST_CHOICES} values")
        return [_value(name, "eq", each) for each in value]
    fits = isinstance(value, str) and not _UNSTORABLE.search(value)
    fits |= isinstance(value, bool | int) and abs(value) < 10**300
    fits |= isinstance(value, float) and abs(value) < 10**300
    if not fits or (operator == "starts" and not isinstance(value, str)):
        raise BadFilter(f"{name}: {value!r} can't be compared by {operator!r}")
    return value
