"""The classes that a card is of, found through definitions. Reads no card."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.languages import PASSED, SYNTAX_ERROR, TYPE
from engine.visit import DefinitionUnavailable, FileBroken, VisitContext
from prewarm import Definition

LONGEST_CHAIN = 32
MOST_REEXPORTS = 16

_EXTENDS = re.compile(r"\bextends ([\w$.]+)")
_FIELD = re.compile(r"@field [\w$]+ (?P<kind>\w+)\((?P<type>[^,]*)(?P<computed>, computed)?\)")
_DISPLAY_NAME = "static displayName = "


class CardBroken(FileBroken):
    """A card whose class can't be had; the message names the chain that leads there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a class is: a module of the realm, or one that is known by its reference only."""

    module: str
    name: str
    is_external: bool = False

    def __str__(self) -> str:
        return f"{self.module}#{self.name}"


@dataclass(frozen=True, slots=True)
class Field:
    """`place` is nothing where the type is no class that its module tells of."""

    name: str
    kind: str
    type_name: str
    place: Place | None
    is_computed: bool = False


@dataclass(frozen=True, slots=True)
class CardClass:
    """One class of a chain; of an external one nothing but its place is known."""

    place: Place
    display_name: str = ""
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """A class and what it extends, itself first."""

    classes: tuple[CardClass, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.place.name for each in self.classes)

    def fields(self) -> dict[str, Field]:
        """By name; a class's own come before those it inherits."""
        found: dict[str, Field] = {}
        for each in self.classes:
            for field in each.fields:
                found.setdefault(field.name, field)
        return found


async def chain_of(place: Place, context: VisitContext) -> Chain:
    """Follow `extends` from a class to the last that is known; `CardBroken` if one is missing."""
    classes: list[CardClass] = []
    seen: set[Place] = set()
    following: Place | None = place
    while following and following not in seen and len(classes) < LONGEST_CHAIN:
        at = following
        seen.add(at)
        try:
            found, following = await _class_at(at, context)
        except CardBroken as error:
            raise CardBroken(_chained(classes, at, str(error))) from None
        classes.append(found)
    return Chain(tuple(classes))


def _chained(classes: list[CardClass], last: Place, reason: str) -> str:
    """`Employee (employee.gts) < Person (person.gts): ...`."""
    places = [*(each.place for each in classes), last]
    return " < ".join(f"{each.name} ({each.module})" for each in places) + f": {reason}"


async def _class_at(place: Place, context: VisitContext) -> tuple[CardClass, Place | None]:
    """The class, and what it extends."""
    if place.is_external:
        return CardClass(place), None
    defining = await _defining(place, context)
    if isinstance(defining, Place):
        return CardClass(defining), None
    definition, name = defining
    symbol = definition.find(name)
    assert symbol is not None  # what is defining has it
    base = _EXTENDS.search(symbol.signature)
    found = CardClass(
        Place(definition.key, name.removeprefix(TYPE)),
        _display_name(definition, name),
        tuple(_fields(definition, name)),
    )
    return found, _place_of(base[1], definition) if base else None


async def _defining(place: Place, context: VisitContext) -> tuple[Definition, str] | Place:
    """The module that has the class itself, and its name there, behind all re-exports.

    Its place alone if one of them has it from outside of the realm.
    """
    leads = [place]
    outside: list[Place] = []
    seen: set[Place] = set()
    while leads and len(seen) < MOST_REEXPORTS:
        at = leads.pop(0)
        if at in seen:
            continue
        seen.add(at)
        definition = await _module(at.module, context)
        if definition.find(at.name):
            return definition, at.name
        leads += _passed_on(definition, at.name)
        outside += _outside(definition, at.name)
    if outside:
        return outside[0]
    raise CardBroken(f"{place.module} exports no class {place.name}")


async def _module(key: str, context: VisitContext) -> Definition:
    try:
        definition = await context.definition(key)
    except DefinitionUnavailable as error:
        raise CardBroken(f"{key} can't be used: {error}") from None
    if definition.detail == SYNTAX_ERROR:
        raise CardBroken(f"{key} has a syntax error")
    return definition


def _passed_on(definition: Definition, name: str) -> list[Place]:
    named = [each for each in definition.reexports if each.name == name]
    stars = [each for each in definition.reexports if each.name == "*"]
    return [Place(each.key, each.source_name) for each in named] or [
        Place(each.key, name) for each in stars
    ]


def _outside(definition: Definition, name: str) -> Iterator[Place]:
    """Where the class may come from beyond the realm, if nothing within has it."""
    for passed in (name, "*"):
        if symbol := definition.find(PASSED + passed):
            yield _external(symbol.signature, name)


def _external(source: str, name: str) -> Place:
    """`https://x.org/person#Person`; a class without a name there goes by the one given."""
    module, _, source_name = source.rpartition("#")
    return Place(module, source_name if source_name not in {"", "*", "default"} else name, True)


def _place_of(name: str, definition: Definition) -> Place | None:
    """Where a class leads that a module names; `CardBroken` if it names a file that is not there.

    Nothing for what is no class of the module and not imported.
    """
    kept = definition.find(TYPE + name)
    if kept and kept.kind == "class":
        return Place(definition.key, kept.name)
    if definition.find(name):
        return Place(definition.key, name)
    for each in definition.reexports:
        if each.name == TYPE + name:
            return Place(each.key, each.source_name)
    imported = definition.find(TYPE + name)
    if imported is None:
        return None
    place = _external(imported.signature, name)
    if place.module.startswith((".", "/")):
        raise CardBroken(
            f"{definition.key} takes {name} from {place.module}, which no file provides"
        )
    return place


def _fields(definition: Definition, class_name: str) -> Iterator[Field]:
    for symbol in definition.symbols:
        owner, _, name = symbol.name.rpartition(".")
        match = _FIELD.fullmatch(symbol.signature) if owner == class_name else None
        if match:
            place = _place_of(match["type"], definition)
            yield Field(name, match["kind"], match["type"], place, bool(match["computed"]))


def _display_name(definition: Definition, class_name: str) -> str:
    symbol = definition.find(f"{class_name}.displayName")
    signature = symbol.signature if symbol else ""
    return signature.removeprefix(_DISPLAY_NAME) if signature.startswith(_DISPLAY_NAME) else ""
