"""A migration waits for its turn and for a table, and makes nobody who uses it wait for long."""

import re
from pathlib import Path

import anyio
import asyncpg
import pytest

from engine.index import database
from engine.index.database import MIGRATIONS, migrate, open_database

PATIENCE_SECONDS = 60
# What those before built while writers waited is done; no later one may do it again.
ONLINE_FROM = 10
LARGE = "chunks|entries|working_entries|waiting_vectors|definitions"
SLOW = re.compile(
    rf"CREATE (UNIQUE )?INDEX[^;]* ON (ONLY )?({LARGE})\b"
    rf"|ALTER TABLE ({LARGE})\b[^;]*"
    r"(\bTYPE\b|\bADD (CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN)|SET NOT NULL)"
    rf"|^\s*(UPDATE|DELETE FROM) ({LARGE})\b",
    re.IGNORECASE | re.MULTILINE,
)


def test_no_migration_reads_a_large_table_under_a_lock() -> None:
    slow = {
        name for number, name, text in MIGRATIONS if number >= ONLINE_FROM and SLOW.search(text)
    }
    assert slow == set()
    # As those do that came before.
    assert {name for _, name, text in MIGRATIONS if SLOW.search(text)} >= {"0008_chunk_marks.sql"}


async def test_readers_go_on_while_a_migration_waits_for_one(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_database(dsn=dsn, home=Path()) as opened:
        monkeypatch.setattr(
            database,
            "MIGRATIONS",
            [*MIGRATIONS, (99, "0099_test.sql", "ALTER TABLE chunks ADD COLUMN later integer")],
        )
        reader = await asyncpg.connect(dsn)
        await reader.execute("BEGIN; SELECT count(*) FROM chunks")
        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as tasks:
                for _ in range(2):
                    tasks.start_soon(migrate, dsn)
                for _ in range(2):
                    await until_it_waits(opened.pool)
                    with anyio.fail_after(10):
                        assert await opened.pool.fetchval("SELECT count(*) FROM chunks") == 0
                await reader.execute("COMMIT")
        await reader.close()
        assert await opened.pool.fetchval("SELECT count(later) FROM chunks") == 0


async def until_it_waits(pool: asyncpg.Pool) -> None:
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        " AND relation = 'chunks'::regclass"
    )
    while not await pool.fetchval(waiting):  # noqa: ASYNC110 - it is in the server
        await anyio.sleep(0.01)
