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
from engine.index.weighing import RANKED, Weighed, weighed

# How far down each ranking is looked at.
CANDIDATES = 200

# Tests repeat the words of what they test, and more often.
TESTS = r"(^|[/._-])tests?([/._-]|$)|\.spec\.[^/]+$"
TEST_WORDS = frozenset(query_terms("test tests testing tested tester spec"))

DEFINITIONS = ("class", "enum", "function", "interface", "method", "struct", "trait", "type")


@dataclass(frozen=True, slots=True)
class Ranking:
    """What counts how much; the defaults are those that benchmarks/search_quality.py favours."""

    # What the best by its words scores, and the best by its vector. Measured: sums find more
    # than reciprocal ranks do with either bundled embedder, and half is best or next to it.
    text: float = 1.0
    vector: float = 0.5

    # Of a word in the text, -, the path and the symbol. Measured: Postgres's own array lets a
    # symbol count ten times what a text does, where twice is best.
    terms: tuple[float, float, float, float] = (0.5, 0.5, 1.0, 1.0)

    # What is left of the score of a test, unless the question is about tests. Measured: that
    # puts the files which answer questions on Django at 0.69 instead of 0.50 (mean reciprocal
    # rank; 0.13 to 0.25 more), and those on its source alone no lower.
    tests: float = 0.7

    # What a chunk that defines something gets on top, so that what does a thing comes before
    # lists and prose that name it. Measured: 0.08 (0.03 to 0.13) more on questions about
    # Django, which ask for source; nothing where all chunks are definitions.
    definitions: float = 0.2


RANKING = Ranking()


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
    ranking: Ranking = RANKING,
) -> list[Hit]:
    """The `limit` best live chunks. A question without any word finds nothing.

    Without a vector of the question, as `questions` then tells, the words alone decide.
    """
    lexemes = query_terms(text)
    if not text.strip() or limit < 1:
        return []
    vector, embedder_id = await questions.vector(text)
    asked = await _weighed(pool, lexemes, wanted.realm_ids)
    rows = await pool.fetch(
        query("search_chunks"),
        vector,
        embedder_id,
        asked.levels,
        wanted.realm_ids,
        None if wanted.path is None else glob_pattern(wanted.path),
        wanted.language,
        max(CANDIDATES, limit),
        limit,
        RANKED,
        ranking.vector,
        ranking.text,
        ranking.terms,
        *wanted.document.parameters,
        asked.terms,
        asked.weights,
        None if TEST_WORDS.intersection(lexemes) else TESTS,
        ranking.tests,
        DEFINITIONS,
        ranking.definitions,
    )
    return [Hit.of(row) for row in rows]


async def _weighed(
    pool: asyncpg.Pool, lexemes: Sequence[str], realm_ids: Sequence[int] | None
) -> Weighed:
    terms = [tsquery_text([lexeme]) for lexeme in lexemes]
    counted = await pool.fetch(query("count_terms"), terms, realm_ids, RANKED)
    of_all = max((row["of_all"] for row in counted), default=0)
    return weighed(lexemes, [row["chunks"] for row in counted], of_all=of_all)
