"""Indexes of vectors come, are mended and go, and nobody who writes waits for them."""

import json
from pathlib import Path

import anyio
import asyncpg
import pytest

from benchmarks.generated_chunks import fill, generate
from engine.index.database import open_database
from engine.index.partitioning import partition
from engine.index.vector_index import (
    LARGEST_DIMENSION,
    Indexed,
    Step,
    next_step,
    tend_vector_indexes,
)


@pytest.mark.parametrize(
    ("rows", "dimension", "valid", "building", "step"),
    [
        (99, 256, None, False, Step.LEAVE),
        (100, 256, None, False, Step.BUILD),
        (100, LARGEST_DIMENSION, None, False, Step.BUILD),
        (100, LARGEST_DIMENSION + 1, None, False, Step.LEAVE),
        (100, 256, True, False, Step.LEAVE),
        (1, 256, True, False, Step.LEAVE),
        (100, 256, False, False, Step.REBUILD),
        (100, 256, False, True, Step.LEAVE),
        (0, 256, True, False, Step.DROP),
        (0, 256, False, False, Step.DROP),
        (0, 256, None, False, Step.LEAVE),
    ],
)
def test_what_an_index_needs(
    rows: int, dimension: int, valid: bool | None, building: bool, step: Step
) -> None:
    assert next_step(Indexed("chunks", 1, dimension, rows, valid, building), build_rows=100) is step


EMBEDDER = "INSERT INTO embedders (fingerprint, dimension) VALUES ('e', 8)"


async def test_an_index_is_built_mended_and_dropped(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        async with database.pool.acquire() as connection:
            await connection.execute(EMBEDDER)
            await fill(connection, generate(500, 8, realms=2), embedder_id=1, realms=2)
        assert await tend_vector_indexes(dsn, build_rows=501) == []
        assert await tend_vector_indexes(dsn, build_rows=500) == [("chunks_near_1_8", Step.BUILD)]
        assert await tend_vector_indexes(dsn, build_rows=500) == []

        # What a build leaves whose process was killed.
        await database.pool.execute(
            "UPDATE pg_index SET indisvalid = false, indisready = false"
            " WHERE indexrelid = 'chunks_near_1_8'::regclass"
        )
        assert await tend_vector_indexes(dsn, build_rows=500) == [("chunks_near_1_8", Step.REBUILD)]

        await database.pool.execute("UPDATE embedders SET dimension = 9")
        assert await tend_vector_indexes(dsn, build_rows=500) == [("chunks_near_1_9", Step.BUILD)]
        assert await _names(database.pool) == ["chunks_near_1_9"]
        await database.pool.execute("DELETE FROM chunks")
        assert await tend_vector_indexes(dsn, build_rows=500) == [("chunks_near_1_9", Step.DROP)]


async def test_the_planner_knows_how_many_rows_an_index_has(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        async with database.pool.acquire() as connection:
            await connection.execute(EMBEDDER)
            await fill(connection, generate(3_000, 8, realms=4), embedder_id=1, realms=4)
        await tend_vector_indexes(dsn, build_rows=10_000)
        assert await _statistics(database.pool) == []
        await tend_vector_indexes(dsn, build_rows=1_000)
        assert await _expected_rows(database.pool) == 3_000
        (name,) = await _statistics(database.pool)
        # An index from before they were made gets them at the next occasion.
        await database.pool.execute(f"DROP STATISTICS {name}")
        assert await tend_vector_indexes(dsn, build_rows=1_000) == []
        assert await _expected_rows(database.pool) == 3_000

        await partition(dsn, 2, build_rows=1_000)
        assert await _expected_rows(database.pool) == 3_000
        assert len(await _statistics(database.pool)) == 2
        await partition(dsn, 1, build_rows=1_000)
        assert await _expected_rows(database.pool) == 3_000
        assert len(await _statistics(database.pool)) == 1


async def _expected_rows(pool: asyncpg.Pool) -> int:
    (plan,) = json.loads(
        await pool.fetchval(
            "EXPLAIN (FORMAT json) SELECT FROM chunks"
            " WHERE embedder_id = 1 AND vector_dims(embedding) = 8"
        )
    )
    return int(plan["Plan"]["Plan Rows"])


async def _statistics(pool: asyncpg.Pool) -> list[str]:
    return [row[0] for row in await pool.fetch("SELECT stxname FROM pg_statistic_ext")]


async def test_writers_go_on_while_a_build_waits_and_one_builds_at_a_time(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        async with database.pool.acquire() as connection:
            await connection.execute(EMBEDDER)
            await fill(connection, generate(200, 8, realms=1), embedder_id=1, realms=1)
        old = await asyncpg.connect(dsn)
        writing = old.transaction()
        await writing.start()
        await old.execute("UPDATE chunks SET symbol = 'old' WHERE version = 1")
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_tend, dsn)
                await _until_it_waits(database.pool)
                await database.pool.execute("UPDATE chunks SET symbol = 'new' WHERE version = 2")
                assert await tend_vector_indexes(dsn, build_rows=1) == []
                await writing.commit()
        await old.close()
        assert await _names(database.pool) == ["chunks_near_1_8"]


async def _until_it_waits(pool: asyncpg.Pool) -> None:
    waiting = "SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'"
    while not await pool.fetchval(waiting):  # noqa: ASYNC110 - it is in another process
        await anyio.sleep(0.02)


async def _tend(dsn: str) -> None:
    assert await tend_vector_indexes(dsn, build_rows=1) == [("chunks_near_1_8", Step.BUILD)]


async def _names(pool: asyncpg.Pool) -> list[str]:
    rows = await pool.fetch(
        "SELECT relname FROM pg_class JOIN pg_index ON oid = indexrelid"
        " WHERE relname LIKE 'chunks_near_%' AND indisvalid ORDER BY 1"
    )
    return [row[0] for row in rows]
