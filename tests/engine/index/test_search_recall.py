"""What a search finds, through the index or not, is what a look at every row finds."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pgvector import HalfVector

from benchmarks.generated_chunks import (
    KINDS,
    LANGUAGES,
    TEXTS,
    Collection,
    fill,
    generate,
    questions,
)
from engine.embedders import Vectors
from engine.index.cursor import DEEPEST
from engine.index.database import Database, open_database
from engine.index.document_filter import document_filter
from engine.index.question import Questions
from engine.index.search import SearchPage, register_embedder, search
from engine.index.search_costs import index_settings
from engine.index.search_filter import SearchFilter
from engine.index.search_statement import Extent, Question, Ranking, parameters, statement
from engine.index.vector_index import Step, tend_vector_indexes
from engine.index.weighing import RANKED, weighed

ROWS, DIMENSION, REALMS = 4_000, 32, 4
NO_WORDS = "what is the"

# What is near, and nothing else.
NEAREST = Ranking(tests=1.0, definitions=0.0)


@dataclass
class FixedEmbedder:
    """Answers every text with the vector of the moment."""

    vector: NDArray[np.float32]
    fingerprint: str = "fixed"

    @property
    def dimension(self) -> int:
        return len(self.vector)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([self.vector for _ in texts])


@dataclass
class Laboratory:
    database: Database
    collection: Collection
    embedder_id: int

    async def search(
        self, vector: NDArray[np.float32], wanted: SearchFilter, *, exact_chunks: int = 0
    ) -> SearchPage:
        return await search(
            self.database.pool,
            Questions(FixedEmbedder(vector), self.embedder_id),
            NO_WORDS,
            ranking=NEAREST,
            wanted=wanted,
            limit=10,
            exact_chunks=exact_chunks,
        )

    async def recall(
        self, wanted: SearchFilter, passes: NDArray[np.bool_], *, exact_chunks: int = 0
    ) -> float:
        """The share of the ten nearest rows that pass which are found, over many questions."""
        found = total = 0
        for vector in questions(self.collection, 8):
            page = await self.search(vector, wanted, exact_chunks=exact_chunks)
            places = {(hit.path, hit.start_line) for hit in page.hits}
            nearest = self.nearest(vector, passes)
            found += len(places & nearest)
            total += len(nearest)
        return found / total

    def nearest(
        self, vector: NDArray[np.float32], passes: NDArray[np.bool_]
    ) -> set[tuple[str, int]]:
        rows = np.flatnonzero(passes & self.collection.live)
        stored = self.collection.vectors[rows].astype(np.float16).astype(np.float32)
        best = rows[np.argsort(-(stored @ vector), kind="stable")[:10]]
        return {(self.collection.path(row), self.collection.start_line(row)) for row in best}


@pytest.fixture
async def laboratory(dsn: str) -> AsyncIterator[Laboratory]:
    async with filled(dsn, ROWS, DIMENSION) as laboratory:
        yield laboratory


@asynccontextmanager
async def filled(dsn: str, rows: int, dimension: int) -> AsyncIterator[Laboratory]:
    """Indexed chunks, some of them of passes that have not swapped."""
    collection = generate(rows, dimension, realms=REALMS, seed=7)
    async with open_database(dsn=dsn, home=Path()) as database:
        embedder_id = await register_embedder(database.pool, FixedEmbedder(collection.vectors[0]))
        async with database.pool.acquire() as connection:
            await fill(connection, collection, embedder_id=embedder_id, realms=REALMS)
        steps = await tend_vector_indexes(dsn, build_rows=rows)
        assert {step for _, step in steps} == {Step.BUILD}
        yield Laboratory(database, collection, embedder_id)


Passes = Callable[[Collection], NDArray[np.bool_]]
CASES: dict[str, tuple[SearchFilter, Passes]] = {
    "everything": (SearchFilter(), lambda all_: np.ones(len(all_), bool)),
    "a large realm": (SearchFilter(realms=["r0"]), lambda all_: all_.realm == 0),
    "a small realm": (SearchFilter(realms=["r3"]), lambda all_: all_.realm == 3),
    "a tenant": (SearchFilter(tenants=["b"]), lambda all_: all_.realm % 2 == 1),
    "a folder": (
        SearchFilter(path="src/package3/**"),
        lambda all_: all_.folder == 3,
    ),
    "a language": (
        SearchFilter(language=LANGUAGES[2]),
        lambda all_: all_.language == 2,
    ),
    "a kind": (SearchFilter(kinds=[KINDS[3]]), lambda all_: all_.kind == 3),
    "a type of cards": (
        SearchFilter(document=document_filter("Person", {})),
        lambda all_: all_.card,
    ),
    "a document": (
        SearchFilter(document=document_filter(None, {"age": ("ge", 30)})),
        lambda all_: all_.card,
    ),
    "all at once": (
        SearchFilter(tenants=["a"], path="src/*1/**", kinds=KINDS[:2], language=LANGUAGES[0]),
        lambda all_: (
            (all_.realm % 2 == 0) & (all_.folder % 10 == 1) & (all_.kind < 2) & (all_.language == 0)
        ),
    ),
}


async def test_filters_take_no_hits_away_from_those_that_pass(laboratory: Laboratory) -> None:
    recalls = {}
    for name, (wanted, passes) in CASES.items():
        passing = passes(laboratory.collection)
        recalls[name] = await laboratory.recall(wanted, passing)
        exact = await laboratory.recall(wanted, passing, exact_chunks=ROWS)
        assert exact == pytest.approx(1.0, abs=0.01), name
    assert {name: recall for name, recall in recalls.items() if recall < 0.95} == {}


async def test_words_find_all_that_passes_the_filters(laboratory: Laboratory) -> None:
    """What is narrowed inside the index of words is narrowed as the filters say."""
    collection = laboratory.collection
    has_word = np.array(["word50" in collection.texts[at % TEXTS].split() for at in range(ROWS)])
    for name, (wanted, passes) in CASES.items():
        page = await search(
            laboratory.database.pool,
            Questions(FixedEmbedder(collection.vectors[0]), laboratory.embedder_id),
            "word50 word1",
            wanted=wanted,
            limit=DEEPEST,
        )
        found = {(hit.path, hit.start_line) for hit in page.hits if hit.text_rank is not None}
        passing = passes(collection) & collection.live
        assert found <= places(collection, passing), name
        assert found >= places(collection, passing & has_word) > set(), name


def places(collection: Collection, rows: NDArray[np.bool_]) -> set[tuple[str, int]]:
    return {
        (collection.path(row), collection.start_line(row)) for row in map(int, np.flatnonzero(rows))
    }


async def test_deletes_and_new_versions_starve_no_search(laboratory: Laboratory) -> None:
    gone = await delete_most(laboratory)
    assert await laboratory.recall(SearchFilter(), ~gone) >= 0.95
    small = SearchFilter(realms=["r3"])
    assert await laboratory.recall(small, ~gone & (laboratory.collection.realm == 3)) >= 0.95


@pytest.mark.long
async def test_deletes_and_new_versions_starve_no_search_of_many_chunks(dsn: str) -> None:
    async with filled(dsn, 60_000, 256) as laboratory:
        gone = await delete_most(laboratory)
        realm = laboratory.collection.realm
        recalls = {}
        for moment in ("dead rows in the index", "vacuumed"):
            recalls[moment] = await laboratory.recall(SearchFilter(), ~gone)
            recalls[f"{moment}, one realm"] = await laboratory.recall(
                SearchFilter(realms=["r3"]), ~gone & (realm == 3)
            )
            await laboratory.database.pool.execute("VACUUM chunks")
        assert {moment: recall for moment, recall in recalls.items() if recall < 0.95} == {}


async def delete_most(laboratory: Laboratory) -> NDArray[np.bool_]:
    """Rows come again under new versions, as re-indexed files do, and most of them go."""
    gone: NDArray[np.bool_] = np.arange(len(laboratory.collection)) // 10 % 3 != 0
    async with laboratory.database.pool.acquire() as connection:
        await connection.execute(
            "UPDATE entries SET version = version + 100000 WHERE version % 3 = 1"
        )
        for table in ("entries", "chunks"):
            await connection.execute(
                f"DELETE FROM {table} WHERE version < 100000 AND version % 3 <> 1"
            )
        await connection.execute("UPDATE chunks SET version = version + 100000")
    laboratory.collection.live[gone] = False
    return gone


async def test_what_is_far_from_the_question_is_found_all_the_same(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index gives up long before it comes to rows that pass; then all are looked at."""
    monkeypatch.setattr("engine.index.search_costs.SCANNED_TUPLES", 200)
    collection = laboratory.collection
    centre = collection.vectors[collection.realm == 0].mean(axis=0)
    order = np.argsort(-(collection.vectors @ centre))
    far = np.zeros(len(collection), bool)
    far[order[-300:]] = True
    async with laboratory.database.pool.acquire() as connection:
        await connection.execute(
            "UPDATE chunks SET kind = 'far' WHERE text_hash = ANY ($1)",
            [int(row).to_bytes(8, "big") for row in order[-300:]],
        )
    page = await laboratory.search(centre, SearchFilter(kinds=["far"]))
    found = {(hit.path, hit.start_line) for hit in page.hits}
    nearest = laboratory.nearest(centre, far)
    assert len(found & nearest) >= 0.95 * len(nearest)


async def test_the_plan_uses_the_index_and_stays_so(laboratory: Laboratory) -> None:
    vector = laboratory.collection.vectors[0]
    page = await laboratory.search(vector, SearchFilter())
    assert len(page.hits) == 10
    realms = [row["id"] for row in await laboratory.database.pool.fetch("SELECT id FROM realms")]
    settings = index_settings("0.8", depth=200) | {"plan_cache_mode": "force_custom_plan"}
    plans = []
    async with laboratory.database.pool.acquire() as connection, connection.transaction():
        for name, value in settings.items():
            await connection.execute(f"SET LOCAL {name} = {value}")
        prepared = await connection.prepare("EXPLAIN " + statement(DIMENSION))
        for realm_ids in [None, realms[:1], realms[1:]] * 4:
            rows = await prepared.fetch(*plan_values(laboratory, vector, realm_ids))
            plans.append("\n".join(row[0] for row in rows))
    for plan in plans:
        near = plan.partition("CTE near")[2].partition("CTE")[0]
        assert re.search(r"Index Scan using chunks_\w*near_", near), plan
        assert "Nested Loop" in near, plan
        assert not re.search(r"->\s+Sort\b", near), plan
        assert re.search(r"chunks_\w*words", plan), plan


def plan_values(
    laboratory: Laboratory, vector: NDArray[np.float32], realm_ids: list[int] | None
) -> list[object]:
    question = Question(["word4000"], HalfVector(vector), laboratory.embedder_id)
    asked = weighed(question.lexemes, [1], of_all=RANKED)
    return parameters(
        question, asked, SearchFilter(), realm_ids, Extent(200, 10), NEAREST, ranked=RANKED
    )
