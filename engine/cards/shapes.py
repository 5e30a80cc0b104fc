"""What the values of a card's attributes are by the fields of its class, and whether they fit."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from engine.cards.types import Chain, Field, Place, chain_of
from engine.languages import Value
from engine.visit import VisitContext

# Fields that hold fields are followed so far; what is deeper is taken as it is.
DEEPEST = 4

# The classes outside of the realm that end most chains, and what each holds besides.
_OUTERMOST: dict[str, frozenset[str]] = {
    "CardDef": frozenset(
        {"id", "title", "description", "thumbnailURL", "cardInfo"}
        | {"cardTitle", "cardDescription", "cardThumbnailURL"}
    ),
    "FieldDef": frozenset(),
    "BaseDef": frozenset(),
}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LONGEST_NUMBER = 300


@dataclass(frozen=True, slots=True)
class Shape:
    """What a class holds: contained fields, each with its type's name or own shape.

    `others` are fields of classes outside of the realm; nothing means that these could
    hold anything.
    """

    contained: Mapping[str, "str | Shape"]
    many: frozenset[str]
    others: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Typed:
    """Values that fit, and a line for each that does not."""

    values: dict[str, Value]
    problems: tuple[str, ...]


async def shape_of(
    chain: Chain,
    context: VisitContext,
    *,
    depth: int = 0,
    others: Mapping[str, Place] = MappingProxyType({}),
) -> Shape:
    """The shape of a class; `CardBroken` if one that it contains is missing.

    `others` are the classes of contained fields where they are not what the class says.
    """
    fields = [each for each in chain.fields().values() if each.kind.startswith("contains")]
    contained: dict[str, str | Shape] = {}
    for field in fields:
        if not field.is_computed:
            place = others.get(field.name, field.place)
            contained[field.name] = await _shape_of_field(
                replace(field, place=place), context, depth
            )
    many = frozenset(each.name for each in fields if each.kind == "containsMany")
    last = chain.classes[-1].place
    return Shape(contained, many, _OUTERMOST.get(last.name) if last.is_external else None)


async def _shape_of_field(field: Field, context: VisitContext, depth: int) -> "str | Shape":
    if field.place is None or depth >= DEEPEST:
        return field.type_name
    chain = await chain_of(field.place, context)
    # What comes from outside of the realm is known by its name alone.
    if chain.classes[0].place.is_external:
        return chain.classes[0].place.name
    shape = await shape_of(chain, context, depth=depth + 1)
    return shape if shape.contained else _outermost_name(chain)


def _outermost_name(chain: Chain) -> str:
    """A class without fields of its own is what it extends: `Email extends StringField`."""
    return chain.classes[-1].place.name


def typed_attributes(attributes: Mapping[str, Value], shape: Shape, *, path: str = "") -> Typed:
    """The attributes as their fields hold them; what no field holds is left out."""
    values: dict[str, Value] = {}
    problems: list[str] = []
    for name, value in sorted(attributes.items()):
        kind = shape.contained.get(name)
        if kind is None and (shape.others is None or name in shape.others):
            values[name] = value
        elif kind is None:
            problems.append(f"attribute {path}{name} is no field of its class")
        else:
            typed = _typed(value, kind, name in shape.many, f"{path}{name}")
            values[name] = typed.values[""]
            problems += typed.problems
    return Typed(values, tuple(problems))


def _typed(value: Value, kind: "str | Shape", many: bool, path: str) -> Typed:
    if value is None:
        return Typed({"": None}, ())
    if not many:
        return _one(value, kind, path)
    if not isinstance(value, list):
        return Typed({"": None}, (f"attribute {path} is no list",))
    each = [_one(one, kind, f"{path}.{place}") for place, one in enumerate(value)]
    problems = tuple(line for one in each for line in one.problems)
    return Typed({"": [one.values[""] for one in each]}, problems)


def _one(value: Value, kind: "str | Shape", path: str) -> Typed:
    if isinstance(kind, Shape):
        if not isinstance(value, dict):
            return Typed({"": None}, (f"attribute {path} is no object",))
        inner = typed_attributes(value, kind, path=f"{path}.")
        return Typed({"": inner.values}, inner.problems)
    fitting = next(_fitting(value, _plain(kind)), None)
    wrong = (
        () if fitting is not None or value is None else (f"attribute {path} is no {_plain(kind)}",)
    )
    return Typed({"": fitting}, wrong)


def _plain(kind: str) -> str:
    return kind.removesuffix("Field").lower()


def _fitting(value: Value, kind: str) -> Iterator[Value]:
    """The value as one of the kind, if it is one; kinds that are not known take anything."""
    match kind, value:
        case "number", bool():
            return
        case "number", int() | float():
            yield value
        case "number", str() if _NUMBER.fullmatch(value) and len(value) <= _LONGEST_NUMBER:
            number = float(value)
            yield (
                (int(value) if value.lstrip("+-").isdigit() else number)
                if math.isfinite(number)
                else None
            )
        case "number", _:
            return
        case "boolean", _:
            if isinstance(value, bool):
                yield value
        case "string" | "markdown" | "textarea" | "date" | "datetime", _:
            if isinstance(value, str):
                yield value
        case _:
            yield value
