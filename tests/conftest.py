"""A Postgres for the tests: one embedded server for the session, a database for each test."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from engine.index.database import migrate
from engine.index.embedded import embedded_postgres
from engine.index.partitioning import partition


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """A loop beside those of the tests, which end with each test."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def server_dsn(portal: BlockingPortal) -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory(prefix="widthwise-tests-") as home,
        portal.wrap_async_context_manager(embedded_postgres(Path(home))) as dsn,
    ):
        # No test of this server pulls the plug, and each makes and drops a database.
        portal.call(_execute, dsn, "ALTER SYSTEM SET fsync = off")
        portal.call(_execute, dsn, "SELECT pg_reload_conf()")
        yield dsn


@pytest.fixture
def dsn(portal: BlockingPortal, server_dsn: str) -> Iterator[str]:
    """An empty database of the test's own. It is dropped even while connections are open.

    With WIDTHWISE_TEST_PARTITIONS its chunks are in so many parts: what holds for one table
    has to hold for those.
    """
    with _database(portal, server_dsn) as dsn:
        if parts := os.environ.get("WIDTHWISE_TEST_PARTITIONS"):
            portal.call(_partition, dsn, int(parts))
        yield dsn


@pytest.fixture(scope="session")
def shared_dsn(portal: BlockingPortal, server_dsn: str) -> Iterator[str]:
    """A database for tests whose processes outlive a test, and were told of it."""
    with _database(portal, server_dsn) as dsn:
        yield dsn


@contextmanager
def _database(portal: BlockingPortal, server_dsn: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    portal.call(_execute, server_dsn, f'CREATE DATABASE "{name}"')
    yield server_dsn.replace("@/widthwise?", f"@/{name}?")
    portal.call(_execute, server_dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _partition(dsn: str, parts: int) -> None:
    await migrate(dsn)
    await partition(dsn, parts)


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
