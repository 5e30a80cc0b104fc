"""The trees, rows and suspensions of other tests, and engines on a database of the test's own."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

TESTS = Path(__file__).parents[1]

# Each folder of tests is a root of its own.
OTHERS = ("engine", "machines", "contracts", "engine/executors")
sys.path[:0] = [str(TESTS / part) for part in OTHERS]


@pytest_asyncio.fixture
async def connection(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "tree"
