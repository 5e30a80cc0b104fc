"""Pools on a database that has the tables of definitions."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from prewarm.statements import statement


@pytest_asyncio.fixture
async def definitions_dsn(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement("create_definitions"))
    await connection.close()
    return dsn


@pytest_asyncio.fixture
async def pool(definitions_dsn: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(definitions_dsn, min_size=1, max_size=2) as pool:
        yield pool
