"""A database for all tests of the jobs, with a clock that each test moves as it likes."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import asyncpg
import pytest
import virtual_clock
from anyio.from_thread import BlockingPortal
from job_bench import Bench, TakeOut, opened_bench

import engine.index.sql
import engine.jobs.sql
from engine.index.database import migrate
from engine.sql_files import read_statement


@pytest.fixture(scope="session")
def jobs_dsn(portal: BlockingPortal, server_dsn: str) -> Iterator[str]:
    name = f"jobs_{uuid4().hex}"
    portal.call(_execute, server_dsn, f'CREATE DATABASE "{name}"')
    dsn = server_dsn.replace("@/widthwise?", f"@/{name}?")
    portal.call(migrate, dsn)
    portal.call(virtual_clock.install, dsn)
    yield dsn
    portal.call(_execute, server_dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def bench(jobs_dsn: str) -> AsyncIterator[Bench]:
    async with opened_bench(jobs_dsn) as bench:
        yield bench


@pytest.fixture
def take_out(monkeypatch: pytest.MonkeyPatch) -> TakeOut:
    """Takes a guard out of a statement, for the test that shows what it is good for."""
    edits: dict[str, list[tuple[str, str]]] = {}

    def edited(package: str, name: str) -> str:
        text = read_statement(package, name)
        for guard, instead in edits.get(name, []):
            assert guard in text, f"{name} has no {guard!r} (any more)"
            text = text.replace(guard, instead)
        return text

    for module in (engine.jobs.sql, engine.index.sql):
        monkeypatch.setattr(module, "read_statement", edited)

    def take(name: str, guard: str, instead: str = "") -> None:
        edits.setdefault(name, []).append((guard, instead))

    return take


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
