"""The search as one statement: its text, and the values that go with it. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from pgvector import HalfVector

from engine.index.search_filter import SearchFilter, realm_marks
from engine.index.sql import query
from engine.index.terms import query_terms
from engine.index.weighing import Weighed

_EXACT_ORDER: Final = """\
        AND ($27::text[] IS NULL OR chunk_marks(realm_id, version, ordinal, kind, terms) && $27)
    ORDER BY embedding <=> $1, version, ordinal
"""

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
class Question:
    """A text as it is asked: its terms, its vector if there is one, and whose that is."""

    lexemes: list[str]
    vector: HalfVector | None
    embedder_id: int | None

    @property
    def dimension(self) -> int | None:
        return None if self.vector is None else self.vector.dimensions()


@dataclass(frozen=True, slots=True)
class Extent:
    """Which part of the ranking is wanted: `depth` is how far down each of the two goes."""

    depth: int
    limit: int
    offset: int = 0
    grouped: bool = False


def statement(dimension: int | None = None) -> str:
    """The search over all rows, or by the index of vectors of this dimension.

    An index is used only for the very expression that it was made of, in an order that it
    has by itself.
    """
    exact = query("search_chunks")
    if dimension is None:
        return exact
    return exact.replace(_EXACT_ORDER, f"    ORDER BY embedding::halfvec({dimension}) <=> $1\n")


def parameters(
    question: Question,
    asked: Weighed,
    wanted: SearchFilter,
    realm_ids: list[int] | None,
    extent: Extent,
    ranking: Ranking,
    *,
    ranked: int,
    partitions_of: list[int] | None = None,
) -> list[Any]:
    """In the order of the statement. `partitions_of` names the realms whose partitions are asked.

    Not where there are none: the planner would take it for a second condition on the realm,
    and expect too few rows.
    """
    return [
        question.vector,
        question.embedder_id,
        [level.asked for level in asked.levels],
        realm_ids,
        wanted.pattern,
        wanted.language,
        extent.depth,
        extent.limit,
        ranked,
        ranking.vector,
        ranking.text,
        ranking.terms,
        *wanted.document.parameters,
        None if wanted.kinds is None else list(wanted.kinds),
        extent.offset,
        extent.grouped,
        asked.terms,
        asked.weights,
        None if TEST_WORDS.intersection(question.lexemes) else TESTS,
        ranking.tests,
        DEFINITIONS,
        ranking.definitions,
        [" ".join(level.marks) for level in asked.levels],
        realm_marks(realm_ids),
        wanted.kind_marks,
        wanted.words,
        asked.rare or None,
        " | ".join(asked.terms),
        partitions_of,
    ]
