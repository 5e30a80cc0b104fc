"""What tests of jobs ask: how a job ended, who ran it, and whether the index is right."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import asyncpg
from embedding_provider import HttpEmbedder
from job_processes import PATIENCE_SECONDS, USUAL
from live_trees import write_tree
from pass_checks import REALM, rows_of, version_tree
from pass_oracle import difference, fresh_rows, left_behind

from engine import Attempt, Engine, Folder, Job, PassReport, Settings, Work

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

POLL_SECONDS = 0.01

FILES = 12
"""So few that they are parsed where the pass runs."""

ONE_BY_ONE: dict[str, Any] = {"embed_batch_size": 4, "embed_concurrency": 1}
"""Calls of few texts each, one after the other: their log tells how far a pass got."""


async def until(
    condition: Callable[[], Awaitable[object]], *, within_seconds: float = PATIENCE_SECONDS
) -> None:
    """Poll what is true in another process, or in the database."""
    with anyio.fail_after(within_seconds):
        while not await condition():  # noqa: ASYNC110 - see above
            await anyio.sleep(POLL_SECONDS)


@asynccontextmanager
async def engine_at(
    dsn: str, home: Path, *, work: Work = Work.ANY, provider: str = "", **options: Any
) -> AsyncIterator[Engine]:
    """An engine in the process of the test; `embedder` and `visitor` may be passed in."""
    passed = {name: options.pop(name) for name in ("embedder", "visitor") if name in options}
    if provider:
        passed["embedder"] = HttpEmbedder(provider)
    settings = Settings(home=home, dsn=dsn, **USUAL | options)
    async with Engine.open(settings, work=work, **passed) as engine:
        yield engine


async def asked(front: Engine, root: Path, *, files: int = FILES) -> Job:
    """A job for the first pass over a realm of so many files."""
    write_tree(root, version_tree(0, files))
    await front.add_realm(REALM, Folder(root))
    return await front.index(REALM)


async def finished(job: Job) -> PassReport:
    with anyio.fail_after(PATIENCE_SECONDS):
        return await job.finished()


async def ended(job: Job) -> Job:
    """The job once it has ended, however."""

    async def is_so() -> bool:
        return (await job.refresh()).state.is_end

    await until(is_so)
    return job


async def in_state(job: Job, state: str) -> Job:
    async def is_so() -> bool:
        return (await job.refresh()).state == state

    await until(is_so)
    return job


def outcomes(attempts: list[Attempt]) -> list[str]:
    return [attempt.outcome for attempt in attempts]


async def assert_right(
    dsn: str,
    connection: Connection,
    root: Path,
    *,
    realm: str = REALM,
    **parts: Any,
) -> None:
    """The live index is what a fresh one would be, and nothing tells of the fault.

    To be asked once no worker is left that may hold a claim. `parts` are those of the engine
    that made it.
    """
    async with engine_at(dsn, root.parent, work=Work.ADDED, **parts) as engine:
        with anyio.fail_after(PATIENCE_SECONDS):
            theirs = await fresh_rows(connection, engine, Folder(root))
    found = difference(await rows_of(connection, realm), theirs)
    assert not found, "\n".join(found)
    assert await left_behind(connection) == (0, 0, 0)


async def generation(connection: Connection, realm: str = REALM) -> int:
    """How often the realm was swapped."""
    count: int = await connection.fetchval("SELECT generation FROM realms WHERE name = $1", realm)
    return count


async def vectors_stored(connection: Connection) -> int:
    """Of texts that a provider was paid for, in chunks or still waiting for theirs."""
    count: int = await connection.fetchval(
        "SELECT (SELECT count(*) FROM waiting_vectors)"
        " + (SELECT count(DISTINCT text_hash) FROM chunks)"
    )
    return count
