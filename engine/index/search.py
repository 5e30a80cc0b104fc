"""Ranked chunks for a question: vectors and full text, fused. Reads live rows only."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg
from pgvector import HalfVector

from engine.embedders import Embedder
from engine.errors import BadCursor, BadFilter, IndexMoved, RealmNotFound
from engine.index.cursor import DEEPEST, Cursor, digest
from engine.index.database import Connection
from engine.index.hit import Hit
from engine.index.question import Questions
from engine.index.related import related_of
from engine.index.search_costs import EXACT_CHUNKS, SCAN_SETTINGS, Costs, index_settings
from engine.index.search_filter import UNSTORABLE, SearchFilter, realm_marks
from engine.index.search_statement import (
    RANKING,
    Extent,
    Question,
    Ranking,
    parameters,
    statement,
)
from engine.index.sql import query
from engine.index.terms import query_terms, tsquery_text
from engine.index.vector_index import BUILD_ROWS, index_suffix
from engine.index.weighing import (
    MANY_OF_SAMPLE,
    RANKED,
    SAMPLE,
    SAMPLE_OF,
    SHARE_RANKED,
    Weighed,
    ranked_of,
    weighed,
)

# How far down each ranking is looked at.
CANDIDATES = 200

# Nobody asks in more words; what is behind is a file that was pasted.
QUESTION_CHARS: Final = 8_192

# The values of a question decide the plan, so that each is planned for its own. A plan of a
# few milliseconds is not compiled, however much it is thought to cost.
_SETTINGS: Final = {"plan_cache_mode": "force_custom_plan", "jit": "off"}


@dataclass(frozen=True, slots=True)
class Searched:
    """The numbers of the realms that are searched, or None for all.

    `generations` tells whether any of them has changed, `partitions_of` whose partitions are
    asked: None for all, or where there are none.
    """

    realm_ids: list[int] | None
    generations: str
    partitions_of: list[int] | None


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Some hits, best first, and the cursor of the page behind them, if there may be one."""

    hits: list[Hit]
    cursor: str | None


async def register_embedder(
    pool: asyncpg.Pool, embedder: Embedder, *, edition: int = 1, sample: HalfVector | None = None
) -> int:
    """The number under which this embedder's vectors are stored.

    The fingerprint names its `edition`, if that is not the first, which is to be known again
    by `sample`.
    """
    return int(
        await pool.fetchval(
            query("insert_embedder"), embedder.fingerprint, embedder.dimension, edition, sample
        )
    )


async def search(
    pool: asyncpg.Pool,
    questions: Questions,
    text: str,
    *,
    wanted: SearchFilter,
    limit: int,
    cursor: str | None = None,
    grouped: bool = False,
    related: bool = False,
    exact_chunks: int = EXACT_CHUNKS,
    ranking: Ranking = RANKING,
) -> SearchPage:
    """The `limit` best live chunks, or those behind a cursor; at most `DEEPEST` at once.

    A blank question finds nothing. With `grouped` a file is there once, by its best chunk.
    All is read at one moment, so that a swap meanwhile changes nothing. Where no more than
    `exact_chunks` pass the filters, each of them is compared.
    """
    if limit > DEEPEST:
        raise BadFilter(f"{limit} hits: at most {DEEPEST:,} at once")
    place = None if cursor is None else Cursor.parse(cursor)
    text = text[:QUESTION_CHARS].encode("utf-8", "replace").decode()
    question = await _question(questions, text) if limit > 0 else None
    # Without its vector a question has other pages, so that it is another one.
    asked = digest([text, wanted, grouped, question.embedder_id if question else None])
    if place and place.question != asked:
        raise BadCursor("the cursor belongs to another question; search without it")
    async with _one_moment(pool) as connection:
        searched = await _searched_realms(connection, wanted)
        if place and place.generations != searched.generations:
            raise IndexMoved("the index has changed since the first page; search again from it")
        if question is None:
            return SearchPage([], None)
        extent = Extent(
            place.depth if place else max(CANDIDATES, limit),
            limit,
            place.offset if place else 0,
            grouped,
        )
        rows = await _found(
            connection, question, wanted, searched, extent, ranking, exact_chunks=exact_chunks
        )
        around = await related_of(connection, rows) if related else [None] * len(rows)
    hits = [Hit.of(row, question.lexemes, each) for row, each in zip(rows, around, strict=True)]
    behind = Cursor(extent.offset + limit, extent.depth, asked, searched.generations)
    more = len(hits) == limit and behind.offset < 2 * extent.depth
    return SearchPage(hits, str(behind) if more else None)


async def _question(questions: Questions, text: str) -> Question | None:
    if not text.strip():
        return None
    return Question(query_terms(text), *await questions.vector(text))


@asynccontextmanager
async def _one_moment(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await _set_local(connection, _SETTINGS)
        yield connection


async def _set_local(connection: Connection, settings: dict[str, str]) -> None:
    """For this transaction alone. The values are words and numbers of ours."""
    await connection.execute(
        "; ".join(f"SET LOCAL {name} = {value}" for name, value in settings.items())
    )


async def _searched_realms(connection: Connection, wanted: SearchFilter) -> Searched:
    names = None if wanted.realms is None else list(wanted.realms)
    for name in names or ():
        if UNSTORABLE.search(name):
            raise RealmNotFound(name)
    tenants = None if wanted.tenants is None else list(wanted.tenants)
    row = await connection.fetchrow(query("select_searched_realms"), names, tenants)
    assert row is not None  # an aggregate always has its row
    for name in names or ():
        if name not in row["names"]:
            raise RealmNotFound(name)
    everything = names is None and tenants is None
    ids = None if everything else row["ids"]
    return Searched(ids, row["generations"], ids if row["partitioned"] else None)


async def _found(
    connection: Connection,
    question: Question,
    wanted: SearchFilter,
    searched: Searched,
    extent: Extent,
    ranking: Ranking,
    *,
    exact_chunks: int,
) -> list[asyncpg.Record]:
    """Rows from the approximate index if that is of use, else, or if it lacks some, from all."""
    counted = max(exact_chunks + 1, RANKED * SHARE_RANKED)
    costs = await _costs(connection, question, wanted, searched, counted=counted)
    ranked = ranked_of(costs.chunks)
    asked = await _weighed(
        connection, question.lexemes, wanted, searched.realm_ids, of_all=min(costs.chunks, RANKED)
    )
    values = parameters(
        question,
        asked,
        wanted,
        searched.realm_ids,
        extent,
        ranking,
        ranked=ranked,
        partitions_of=searched.partitions_of,
    )
    if costs.chunks > exact_chunks and costs.indexed:
        await _set_local(
            connection,
            index_settings(
                costs.pgvector, depth=extent.depth, parts=_parts(costs, searched), rows=costs.rows
            ),
        )
        rows = await connection.fetch(statement(question.dimension), *values)
        # The index gives up when too little of what is near passes the filters.
        if rows and rows[0]["near_count"] >= extent.depth:
            return list(rows)
        await _set_local(connection, SCAN_SETTINGS)
    return list(await connection.fetch(statement(), *values))


def _parts(costs: Costs, searched: Searched) -> int:
    """How many indexes are asked, at most."""
    named = costs.parts if searched.partitions_of is None else len(searched.partitions_of)
    return max(1, min(costs.parts, named))


async def _costs(
    connection: Connection,
    question: Question,
    wanted: SearchFilter,
    searched: Searched,
    *,
    counted: int,
) -> Costs:
    row = await connection.fetchrow(
        query("select_search_costs"),
        searched.realm_ids,
        wanted.pattern,
        wanted.language,
        *wanted.document.parameters,
        counted,
        None
        if question.embedder_id is None or question.dimension is None
        else index_suffix(question.embedder_id, question.dimension),
        wanted.kind_marks,
        realm_marks(searched.realm_ids),
        SAMPLE,
        SAMPLE_OF,
        BUILD_ROWS,
        searched.partitions_of,
    )
    assert row is not None  # it selects from nothing
    return Costs(*row)


async def _weighed(
    connection: Connection,
    lexemes: Sequence[str],
    wanted: SearchFilter,
    realm_ids: Sequence[int] | None,
    *,
    of_all: int,
) -> Weighed:
    """What no chunk has is left out: it would be looked for in each that is ranked."""
    counted = await connection.fetch(
        query("count_terms"),
        [tsquery_text([lexeme]) for lexeme in lexemes],
        realm_ids,
        RANKED,
        realm_marks(realm_ids),
        MANY_OF_SAMPLE,
        SAMPLE,
        wanted.kind_marks,
        wanted.words,
    )
    counts = [row["chunks"] for row in counted]
    known = {lexeme: count for lexeme, count in zip(lexemes, counts, strict=True) if count}
    return weighed(list(known), list(known.values()), of_all=of_all)
