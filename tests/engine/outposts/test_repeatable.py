"""Rows that several runs of one visit write at the same time."""

import random
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import anyio
import asyncpg
import pytest
from claims import KIND, claimed
from pgvector import HalfVector

from engine.chunk_text import prepare_text
from engine.embedders import HashedEmbedder
from engine.errors import StalePass
from engine.index import live
from engine.index.database import open_database
from engine.index.search import register_embedder
from engine.index.working import FailedEntry, Fence, Working, WorkingEntry
from engine.jobs import store
from engine.outposts import RepeatableWorking
from engine.sources import Stamp
from engine.visit import DraftChunk

STAMP = Stamp(5, 1, 1, 1)
KEYS = [f"file{number}" for number in range(20)]
VECTOR = HalfVector([1.0, *[0.0] * 255])


def _entry(key: str) -> WorkingEntry:
    chunk = (DraftChunk(key, 1, 1), prepare_text(key, "", key))
    return WorkingEntry(key, b"hash", STAMP, "text", "f", (), (), (), None, b"", (chunk,))


async def _working(pool: asyncpg.Pool) -> tuple[int, RepeatableWorking]:
    await live.insert_realm(pool, "r", {"kind": KIND})
    row = await live.find_realm(pool, "r")
    assert row is not None
    embedder_id = await register_embedder(pool, HashedEmbedder())
    claim = await claimed(pool, row.id)
    fence = Fence(claim.job_id, claim.token)
    begun = await Working.begin(pool, row.id, fence, embedder_id=embedder_id, listed_at_ns=10)
    return row.id, RepeatableWorking.of(begun)


async def _write(working: Working, entries: Sequence[WorkingEntry]) -> None:
    texts = {prepared.text_hash: VECTOR for each in entries for _, prepared in each.chunks}
    await working.write(entries, texts)


async def _written(pool: asyncpg.Pool, token: UUID) -> list[str]:
    rows = await pool.fetch("SELECT key FROM working_entries WHERE token = $1 ORDER BY key", token)
    return [row["key"] for row in rows]


async def test_of_several_runs_that_write_the_same_files_at_once_each_row_stays_once(
    dsn: str,
) -> None:
    chance = random.Random(7)
    async with open_database(dsn=dsn, home=Path()) as database:
        _, working = await _working(database.pool)
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                keys = chance.sample(KEYS, 15)
                tasks.start_soon(_write, working, [_entry(key) for key in keys])
        await _write(working, [_entry(key) for key in KEYS])
        assert await _written(database.pool, working.token) == sorted(KEYS)
        assert await database.pool.fetchval("SELECT count(*) FROM chunks") == len(KEYS)


async def test_a_failure_does_not_replace_what_the_same_pass_has_written(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        _, working = await _working(database.pool)
        await _write(working, [_entry("a")])
        failed = [FailedEntry(key, b"", STAMP, "", "", "died", retry=True) for key in ("a", "b")]
        await working.write_failed(failed)
        await working.write_failed(failed)
        rows = await database.pool.fetch("SELECT key, error FROM working_entries ORDER BY key")
        assert [tuple(row) for row in rows] == [("a", None), ("b", "died")]


async def test_whoever_writes_for_a_lost_claim_is_told(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        realm_id, working = await _working(database.pool)
        await working.confirm()
        await store.cancel_all(database.pool, realm_id)
        with pytest.raises(StalePass):
            await working.confirm()
        with pytest.raises(StalePass):
            await _write(working, [_entry("a")])
