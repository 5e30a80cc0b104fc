"""What a search finds, as callers get it."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

import asyncpg

from engine.index.snippets import Snippet, snippet


@dataclass(frozen=True, slots=True)
class Definition:
    """Where something stands that a hit uses."""

    path: str
    symbol: str
    kind: str
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Related:
    """Definitions that a hit uses, and files that read the hit's; the first few of each."""

    definitions: tuple[Definition, ...]
    dependents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that answers, best first by `score`.

    `similarity` is the cosine to the question and `text_rank` the rank of the full text
    match; each is missing where the chunk was found by the other alone. `commit` is what
    the realm was indexed at, empty without git; `others` counts further hits in the file.
    """

    realm: str
    path: str
    start_line: int
    end_line: int
    symbol: str
    kind: str
    language: str
    generation: int
    commit: str
    score: float
    similarity: float | None
    text_rank: float | None
    text: str
    snippet: Snippet
    uses: tuple[str, ...]
    others: int
    related: Related | None = None

    @classmethod
    def of(
        cls, row: asyncpg.Record, lexemes: Collection[str], related: Related | None = None
    ) -> "Hit":
        values = dict(row)
        for name in ("realm_id", "near_count"):
            del values[name]
        shown = snippet(values["text"], lexemes, start_line=values["start_line"])
        return cls(
            text_rank=values.pop("rank"),
            uses=tuple(values.pop("uses")),
            snippet=shown,
            related=related,
            **values,
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
