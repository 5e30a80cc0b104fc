"""Ranked chunks for a question: vectors and full text, fused. Reads live rows only."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import asyncpg

from engine.embedders import Embedder
from engine.index.document_filter import DocumentFilter
from engine.index.globs import glob_pattern
from engine.index.question import Questions
from engine.index.sql import query
from engine.index.terms import query_terms, tsquery_text

# How far down each ranking is looked at.
CANDIDATES = 200

# Measured by benchmarks/search_quality.py: 10 beats the customary 60, equal weights beat
# tilted ones within its intervals, and Postgres's own array lets a name count ten times
# what a text does, where twice is best.
RANK_CONSTANT = 10
VECTOR_WEIGHT = 1.0
TEXT_WEIGHT = 1.0
TERM_WEIGHTS = (0.5, 0.5, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """What a search is narrowed to; nothing given means no narrowing."""

    realm_ids: Sequence[int] | None = None
    path: str | None = None
    language: str | None = None
    document: DocumentFilter = field(default_factory=DocumentFilter)


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that answers, best first by `score`.

    `similarity` is the cosine to the question and `text_rank` the rank of the full text
    match; each is missing where the chunk was found by the other alone.
    """

    realm: str
    path: str
    start_line: int
    end_line: int
    symbol: str
    kind: str
    language: str
    generation: int
    score: float
    similarity: float | None
    text_rank: float | None
    text: str
    uses: tuple[str, ...]

    @classmethod
    def of(cls, row: asyncpg.Record) -> "Hit":
        values = dict(row)
        return cls(text_rank=values.pop("rank"), uses=tuple(values.pop("uses")), **values)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def register_embedder(pool: asyncpg.Pool, embedder: Embedder) -> int:
    """The number under which this embedder's vectors are stored."""
    return int(
        await pool.fetchval(query("insert_embedder"), embedder.fingerprint, embedder.dimension)
    )


async def search(
    pool: asyncpg.Pool,
    questions: Questions,
    text: str,
    *,
    wanted: SearchFilter,
    limit: int,
) -> list[Hit]:
    """The `limit` best live chunks. A question without any word finds nothing.

    Without a vector of the question, as `questions` then tells, the words alone decide.
    """
    lexemes = query_terms(text)
    if not text.strip() or limit < 1:
        return []
    vector, embedder_id = await questions.vector(text)
    rows = await pool.fetch(
        query("search_chunks"),
        vector,
        embedder_id,
        tsquery_text(lexemes),
        wanted.realm_ids,
        None if wanted.path is None else glob_pattern(wanted.path),
        wanted.language,
        max(CANDIDATES, limit),
        limit,
        RANK_CONSTANT,
        VECTOR_WEIGHT,
        TEXT_WEIGHT,
        TERM_WEIGHTS,
        *wanted.document.parameters,
    )
    return [Hit.of(row) for row in rows]
