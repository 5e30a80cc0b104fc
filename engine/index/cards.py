"""Cards of a realm by type and by what their attributes are. Reads live rows only."""

import json
from dataclasses import dataclass
from typing import Any

from engine.index.database import Queryable
from engine.index.document_filter import DocumentFilter
from engine.index.sql import query


@dataclass(frozen=True, slots=True)
class CardEntry:
    """A card in the live index.

    `types` are the names of its classes, its own first, `classes` the same with their
    modules. `links` are the cards that it links to by field, each with its key, type, title
    and attributes.
    """

    key: str
    type: str
    types: tuple[str, ...]
    classes: tuple[str, ...]
    title: str
    attributes: dict[str, Any]
    links: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, key: str, document: str) -> "CardEntry":
        values = json.loads(document)
        types, classes = tuple(values.pop("types")), tuple(values.pop("classes"))
        return cls(key=key, types=types, classes=classes, **values)


async def find_cards(
    database: Queryable, realm_id: int, wanted: DocumentFilter, *, after: str, limit: int
) -> list[CardEntry]:
    """A page of cards in key order, those behind the key `after`."""
    rows = await database.fetch(query("select_cards"), realm_id, *wanted.parameters, after, limit)
    return [CardEntry.of(row["key"], row["document"]) for row in rows]
