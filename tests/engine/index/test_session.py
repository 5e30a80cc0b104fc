"""Connections that the server ended while nobody used them."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from engine.index.database import Database, open_database
from engine.index.session import Session

KILL_ALL = """
import asyncio, asyncpg, sys

async def kill():
    connection = await asyncpg.connect(sys.argv[1])
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()

asyncio.run(kill())
"""


def end_all_sessions(dsn: str) -> None:
    """From outside, and without a turn of this process's loop."""
    subprocess.run([sys.executable, "-c", KILL_ALL, dsn], check=True, timeout=60)


async def three_at_once(database: Database) -> None:
    """Open more sessions than one, so that more than one is dead afterwards."""
    async with database.pool.acquire(), database.pool.acquire(), database.brisk.acquire():
        pass


@pytest.mark.parametrize("kind", ["pool", "brisk"])
async def test_a_session_that_was_ended_meanwhile_is_not_handed_out(
    dsn: str, tmp_path: Path, kind: str
) -> None:
    async with open_database(dsn=dsn, home=tmp_path) as database:
        await three_at_once(database)
        pool = getattr(database, kind)
        end_all_sessions(dsn)
        assert await pool.fetchval("SELECT 1") == 1
        end_all_sessions(dsn)
        async with pool.acquire() as connection, connection.transaction():
            assert await connection.fetchval("SELECT 2") == 2


async def test_a_session_that_ends_while_it_is_held_does_not_block_the_pool(
    dsn: str, tmp_path: Path
) -> None:
    async with open_database(dsn=dsn, home=tmp_path, connections=1) as database:
        async with database.pool.acquire():
            end_all_sessions(dsn)
        assert await database.pool.fetchval("SELECT 1") == 1
        assert database.pool.get_size() == 1


ARRAYS: dict[str, list[Any]] = {
    "bool": [True, False],
    "bytea": [b"", b"\0\xff"],
    "int2": [-(2**15), 2**15 - 1],
    "int4": [-(2**31), 2**31 - 1],
    "text": ["", "{},\"'", "NULL"],
    "int8": [-(2**63), 2**63 - 1],
    "float8": [-0.5, float("inf")],
    "timestamptz": [datetime(2026, 1, 1, tzinfo=UTC)],
    "uuid": [UUID(int=1)],
}


@pytest.mark.parametrize("has_codec", [False, True])
async def test_arrays_are_what_they_are_and_the_server_is_not_asked_about_them(
    dsn: str, has_codec: bool
) -> None:
    connection = await asyncpg.connect(dsn, connection_class=Session)
    if has_codec:
        await connection.set_type_codec(
            "tsvector", schema="pg_catalog", format="binary", encoder=bytes, decoder=bytes
        )
    usual = await asyncpg.connect(dsn)
    asked: list[str] = []
    connection.add_query_logger(lambda record: asked.append(record.query))
    try:
        for name, values in ARRAYS.items():
            for array in ([], values, [None, *values]):
                echo = f"SELECT $1::{name}[]"
                assert await connection.fetchval(echo, array) == array
                assert await usual.fetchval(echo, array) == array
        assert {query.split("$")[0] for query in asked} == {"SELECT "}
        assert len(asked) == 3 * len(ARRAYS)
    finally:
        await connection.close()
        await usual.close()
