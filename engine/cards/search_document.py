"""What a search knows of a card: typed values to filter by, and a text to find it by. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.cards.types import Chain
from engine.languages import Card, Value

# Of a linked card so much of each value is shown.
LONGEST_LINKED_VALUE = 200
_TITLES = ("cardTitle", "title", "name", "label")


@dataclass(frozen=True, slots=True)
class Linked:
    """A card that another one links to, one level deep."""

    field: str
    key: str
    card: Card


def title_of(attributes: Mapping[str, Value]) -> str:
    """What people call the card, as far as its attributes tell."""
    info = attributes.get("cardInfo")
    places = [attributes, info] if isinstance(info, dict) else [attributes]
    found = (place.get(name) for place in places for name in _TITLES)
    return next((each for each in found if isinstance(each, str) and each.strip()), "")


def search_document(
    chain: Chain, attributes: Mapping[str, Value], linked: Sequence[Linked]
) -> dict[str, Value]:
    """`types` are the names of its classes, its own first; `classes` tell them apart."""
    links: dict[str, list[Value]] = {}
    for each in linked:
        links.setdefault(each.field.partition(".")[0], []).append(_linked_value(each))
    return {
        "type": chain.names[0],
        "types": list(chain.names),
        "classes": [str(each.place) for each in chain.classes],
        "title": title_of(attributes),
        "attributes": dict(attributes),
        "links": {name: found for name, found in links.items()},  # noqa: C416 - lists vary by type
    }


def search_text(chain: Chain, attributes: Mapping[str, Value], linked: Sequence[Linked]) -> str:
    """The card in lines: its title, its types and their display names, its values, its links."""
    shown = [each.display_name for each in chain.classes if each.display_name]
    title = title_of(attributes)
    lines = [title] if title else []
    lines.append(" < ".join(chain.names))
    lines += [name for name in shown if name not in chain.names]
    lines += [f"{name}: {value}" for name, value in _leaves(attributes)]
    lines += [_linked_line(each) for each in linked]
    return "\n".join(lines) + "\n"


def _linked_value(linked: Linked) -> Value:
    return {
        "key": linked.key,
        "type": linked.card.name,
        "title": title_of(linked.card.attributes),
        "attributes": dict(linked.card.attributes),
    }


def _linked_line(linked: Linked) -> str:
    values = [value[:LONGEST_LINKED_VALUE] for _, value in _leaves(linked.card.attributes)]
    return f"{linked.field.partition('.')[0]}: {linked.card.name} {', '.join(values)}".rstrip()


def _leaves(value: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """All values that are no container, by their dotted names, in the order of these."""
    waiting: list[tuple[str, Value]] = [(name, value[name]) for name in sorted(value, reverse=True)]
    while waiting:
        name, each = waiting.pop()
        match each:
            case dict():
                waiting += [
                    (f"{name}.{inner}", each[inner]) for inner in sorted(each, reverse=True)
                ]
            case list():
                waiting += [(name, inner) for inner in reversed(each)]
            case None:
                pass
            case bool():
                yield name, "yes" if each else "no"
            case _:
                yield name, str(each)
