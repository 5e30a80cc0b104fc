"""What a search is narrowed to, as its statements ask for it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.errors import BadFilter
from engine.index.document_filter import DocumentFilter
from engine.index.globs import glob_pattern, glob_words
from engine.index.terms import tsquery_text

# Of more realms than these, each chunk is asked whether it belongs to one.
MARKED_REALMS: Final = 50

_LONGEST_FILTER: Final = 1_000
UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """What a search is narrowed to; nothing given means no narrowing.

    `tenants` are a wall: realms of others are not known here.
    """

    realms: Sequence[str] | None = None
    tenants: Sequence[str] | None = None
    path: str | None = None
    language: str | None = None
    kinds: Sequence[str] | None = None
    document: DocumentFilter = field(default_factory=DocumentFilter)

    def __post_init__(self) -> None:
        """Raises `BadFilter` for what no row can have."""
        given = [*(self.tenants or ()), *(self.kinds or ()), self.path or "", self.language or ""]
        for text in given:
            if UNSTORABLE.search(text) or len(text) > _LONGEST_FILTER:
                raise BadFilter(f"{text[:80]!r} can't be searched for")

    @property
    def pattern(self) -> str | None:
        return None if self.path is None else glob_pattern(self.path)

    @property
    def words(self) -> str | None:
        """A query for words that the paths have which match, if any are known."""
        words = [] if self.path is None else glob_words(self.path)
        return " & ".join(tsquery_text([word]) for word in words) or None

    @property
    def kind_marks(self) -> list[str] | None:
        return None if self.kinds is None else [f"kind/{kind}" for kind in self.kinds]


def realm_marks(realm_ids: Sequence[int] | None) -> list[str] | None:
    """None where there are so many that to look each of them up costs more than it saves."""
    if realm_ids is None or len(realm_ids) > MARKED_REALMS:
        return None
    return [f"realm/{realm_id}" for realm_id in realm_ids]
