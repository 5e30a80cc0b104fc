"""The chunks are the same in one table and in partitions, and nothing waits while they move."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import anyio
import asyncpg
import pytest
from partition_runs import NO_WORDS, Filled, filled, insert_chunks

from engine.index.brief_lock import TableBusy, briefly, waits
from engine.index.database import open_database
from engine.index.partitioning import (
    Layout,
    Move,
    NotPartitioned,
    discard,
    next_move,
    partition,
    read_layout,
)
from engine.index.search_filter import SearchFilter
from engine.index.vector_index import parts_of, rows_for_index, tend_vector_indexes

PATIENCE_SECONDS = 60
QUESTIONS = (
    ("word350 word4321", SearchFilter()),
    ("word350", SearchFilter(realms=["r1"])),
    (NO_WORDS, SearchFilter()),
    (NO_WORDS, SearchFilter(realms=["r0", "r2", "r5"])),
    ("word50 word1", SearchFilter(tenants=["b"], path="src/*1/**")),
    ("word350", SearchFilter(realms=["r0"], kinds=["class", "method"])),
)


@pytest.mark.parametrize(
    ("layout", "wanted", "move"),
    [
        (Layout(1), 1, Move.NOTHING),
        (Layout(16), 16, Move.NOTHING),
        (Layout(1), 16, Move.PREPARE),
        (Layout(1, 16), 16, Move.COPY),
        (Layout(1, 16, copied=True), 16, Move.INDEX),
        (Layout(1, 16, copied=True, indexed=True), 16, Move.SWAP),
        (Layout(1, 8, copied=True, indexed=True), 16, Move.DISCARD),
        (Layout(16, 8), 16, Move.DISCARD),
        (Layout(16), 1, Move.PREPARE),
    ],
)
def test_what_comes_next(layout: Layout, wanted: int, move: Move) -> None:
    assert next_move(layout, wanted=wanted) is move


def test_all_parts_without_an_index_hold_no_more_than_one_table_may() -> None:
    assert [rows_for_index(50_000, parts) for parts in (1, 3, 16)] == [50_000, 16_667, 3_125]


async def test_every_layout_has_the_same_rows_indexes_and_answers(dsn: str) -> None:
    async with filled(dsn, 3_000) as one:
        rows, indexes, answers = await one.rows(), await one.indexes(), await asked(one)
        assert all(answers)
        for parts in (4, 3, 1):
            await partition(dsn, parts, build_rows=10**6)
            assert await one.rows() == rows
            assert await asked(one) == answers
            async with one.database.pool.acquire() as connection:
                assert await read_layout(connection) == Layout(parts)
                assert len(await parts_of(connection, "chunks")) == parts
        assert await one.indexes() == indexes


async def asked(one: Filled) -> list[object]:
    return [
        await one.hits(text, wanted, question=number)
        for text, wanted in QUESTIONS
        for number in range(2)
    ]


@pytest.fixture
async def roles(dsn: str) -> AsyncIterator[tuple[str, str]]:
    """An owner and a reader, as a server has them for all its databases."""
    names = f"owner_{uuid4().hex}", f"reader_{uuid4().hex}"
    connection = await asyncpg.connect(dsn)
    try:
        for name in names:
            await connection.execute(f"CREATE ROLE {name}")
        yield names
        for name in names:
            await connection.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")
    finally:
        await connection.close()


async def test_owner_and_privileges_are_taken_along(dsn: str, roles: tuple[str, str]) -> None:
    owner, reader = roles
    async with filled(dsn, 200) as one:
        pool = one.database.pool
        await pool.execute(f"ALTER TABLE chunks OWNER TO {owner}")
        await pool.execute(f"GRANT SELECT (realm_id, text) ON chunks TO {reader}")
        await pool.execute(f"GRANT DELETE ON chunks TO {reader} WITH GRANT OPTION")
        before = await entitlements(one)
        for parts in (3, 1):
            await partition(dsn, parts)
            assert await entitlements(one) == before
        await partition(dsn, 3)
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {reader}")
            assert await connection.fetchval("SELECT count(text) FROM chunks") == 200
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("SELECT embedding FROM chunks")


async def entitlements(one: Filled) -> list[object]:
    """Who owns the chunks, and who else may do what."""
    return await one.database.pool.fetch(
        "SELECT relowner, ARRAY(SELECT acl::text FROM unnest(relacl) AS acl ORDER BY 1), ARRAY("
        " SELECT attname || attacl::text FROM pg_attribute"
        " WHERE attrelid = pg_class.oid AND attacl IS NOT NULL ORDER BY 1"
        ") FROM pg_class WHERE oid = 'chunks'::regclass"
    )


async def test_views_are_refused_before_anything_is_copied(dsn: str) -> None:
    async with filled(dsn, 200) as one:
        await one.database.pool.execute("CREATE VIEW texts AS SELECT text FROM chunks")
        with pytest.raises(NotPartitioned, match="texts"):
            await partition(dsn, 3)
        async with one.database.pool.acquire() as connection:
            assert await read_layout(connection) == Layout(1)
        await one.database.pool.execute("DROP VIEW texts")
        await partition(dsn, 3)


@pytest.mark.long
async def test_partitions_have_indexes_of_vectors_that_find_the_same(dsn: str) -> None:
    async with filled(dsn, 3_000) as one:
        exact = [await one.hits(NO_WORDS, SearchFilter(), question=number) for number in range(3)]
        await partition(dsn, 4, build_rows=400)
        near = [
            await one.hits(NO_WORDS, SearchFilter(), question=number, exact_chunks=0)
            for number in range(3)
        ]
        for found, nearest in zip(near, exact, strict=True):
            places = {hit[:3] for hit in nearest}
            assert len(places & {hit[:3] for hit in found}) >= 0.95 * len(places)
        plan = await planned(one, "ORDER BY embedding::halfvec(16) <=> $1 LIMIT 10")
        assert plan.count("Index Scan using chunks_4_") == 4, plan
        assert await tend_vector_indexes(dsn, build_rows=400) == []
        await one.database.pool.execute("DELETE FROM chunks")
        dropped = await tend_vector_indexes(dsn, build_rows=400)
        assert [name for name, _ in dropped] == [f"chunks_4_{n}_near_1_16" for n in range(4)]


async def planned(one: Filled, rest: str) -> str:
    rows = await one.database.pool.fetch(
        "EXPLAIN SELECT FROM chunks WHERE embedder_id = 1 AND vector_dims(embedding) = 16 "
        + rest.replace("$1", "array_fill(0.5::float4, ARRAY[16])::halfvec")
    )
    return "\n".join(row[0] for row in rows)


async def test_a_search_in_named_realms_reads_their_partitions_only(dsn: str) -> None:
    async with filled(dsn, 3_000) as one:
        await partition(dsn, 8, build_rows=800)
        for exact_chunks in (0, 10**9):
            for text in ("word350 word1", NO_WORDS):
                wanted = SearchFilter(realms=["r3"], kinds=["class", "method"])
                await one.hits(text, wanted)  # what is read once to plan
                before = await scans(one)
                await one.hits(text, wanted, exact_chunks=exact_chunks)
                touched = {
                    name for name, count in (await scans(one)).items() if count != before[name]
                }
                assert touched == {await part_of(one, "r3")}


SCANS = """
SELECT relname, seq_scan + coalesce(idx_scan, 0)
FROM pg_stat_user_tables
WHERE relname LIKE 'chunks\\_%'
"""


async def scans(one: Filled) -> dict[str, int]:
    """How often each partition was read, in a session that has told the server."""
    async with one.database.pool.acquire() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        return {row[0]: row[1] for row in await connection.fetch(SCANS)}


async def part_of(one: Filled, realm: str) -> str:
    found = await one.database.pool.fetchval(
        "SELECT DISTINCT chunks.tableoid::regclass::text FROM chunks"
        " JOIN realms ON realms.id = realm_id WHERE realms.name = $1",
        realm,
    )
    return str(found)


async def test_what_is_written_and_deleted_meanwhile_is_in_the_copy(dsn: str) -> None:
    async with filled(dsn, 1_500) as one:
        await one.database.pool.execute("CREATE TABLE control AS TABLE chunks")
        phases: list[str] = []
        written: set[str] = set()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write_forever, dsn, phases, written)
            for parts in (4, 3):
                await partition(dsn, parts, batch_rows=25, build_rows=500, tell=phases.append)
            tasks.cancel_scope.cancel()
        assert written >= {"copying", "index"}
        control = await one.database.pool.fetch(
            "SELECT control::text FROM control ORDER BY version, ordinal"
        )
        assert await one.rows() == [row[0] for row in control]


async def write_forever(dsn: str, phases: list[str], written: set[str]) -> None:
    """Each transaction does the same to the chunks and to a table that nobody moves."""
    connection = await asyncpg.connect(dsn)
    try:
        for number in range(10**6):
            async with connection.transaction():
                for table in ("chunks", "control"):
                    await insert_chunks(connection, number % 12 + 1, 10_000 + number, table)
                    await connection.execute(
                        f"DELETE FROM {table} WHERE version IN ($1, $2, $3)",
                        *(number % 150, 149 - number % 150, 10_000 + number - 5),
                    )
            if phases:
                written.add(phases[-1].partition(":")[0])
    finally:
        connection.terminate()


@pytest.mark.parametrize("end", ["COMMIT", pytest.param("ROLLBACK", marks=pytest.mark.long)])
async def test_what_is_being_deleted_is_waited_for(dsn: str, end: str) -> None:
    async with filled(dsn, 300) as one:
        await interrupted(dsn, 4, at="copying")
        deleting = await asyncpg.connect(dsn)
        await deleting.execute("BEGIN; DELETE FROM chunks WHERE version = 7")
        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(partition, dsn, 4)
                await until_blocked_by(one, deleting)
                assert await one.database.pool.fetchval("SELECT NOT copied FROM partitioning")
                await deleting.execute(end)
        await deleting.close()
        left = await one.database.pool.fetchval("SELECT count(*) FROM chunks WHERE version = 7")
        assert left == (0 if end == "COMMIT" else 10)


class Interruption(Exception):
    pass


async def interrupted(dsn: str, parts: int, *, at: str) -> None:
    def tell(what: str) -> None:
        if what.startswith(at):
            raise Interruption

    with pytest.raises(Interruption):
        await partition(dsn, parts, tell=tell)


async def until_blocked_by(one: Filled, blocker: asyncpg.Connection) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))"
    while not await one.database.pool.fetchval(waiting, blocker.get_server_pid()):  # noqa: ASYNC110 - it is in the server
        await anyio.sleep(0.01)


@pytest.mark.long
@pytest.mark.parametrize("at", ["copying", "index: chunks_4_2_text", "index of", "taking"])
async def test_what_was_begun_goes_on_or_is_discarded(dsn: str, at: str) -> None:
    async with filled(dsn, 1_500) as one:
        rows, indexes = await one.rows(), await one.indexes()
        await interrupted_at_400(dsn, at)
        assert await one.rows() == rows
        assert await discard(dsn)
        assert await one.indexes() == indexes
        assert await discard(dsn) is False
        await interrupted_at_400(dsn, at)
        told: list[str] = []
        await partition(dsn, 4, build_rows=400, tell=told.append)
        assert "preparing" not in told
        assert await one.rows() == rows
        # What another one began for another number of parts is of no use.
        await interrupted(dsn, 2, at="index")
        await partition(dsn, 3)
        assert await one.rows() == rows


async def interrupted_at_400(dsn: str, at: str) -> None:
    def tell(what: str) -> None:
        if what.startswith(at):
            raise Interruption

    with pytest.raises(Interruption):
        await partition(dsn, 4, build_rows=400, tell=tell)


@pytest.mark.long
async def test_an_index_that_a_killed_build_left_is_built_again(dsn: str) -> None:
    async with filled(dsn, 300) as one:
        await interrupted(dsn, 2, at="index: chunks_2_1_words")
        await one.database.pool.execute(
            "CREATE INDEX chunks_2_1_words ON chunks_2_1 (kind)",
        )
        await one.database.pool.execute(
            "UPDATE pg_index SET indisvalid = false, indisready = false"
            " WHERE indexrelid = 'chunks_2_1_words'::regclass"
        )
        await partition(dsn, 2)
        definition = await one.database.pool.fetchval(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'chunks_2_1_words'"
        )
        assert "USING gin" in definition
        assert await one.database.pool.fetchval(
            "SELECT bool_and(indisvalid) FROM pg_index JOIN pg_class ON oid = indexrelid"
            " WHERE relname LIKE 'chunks%'"
        )


@pytest.mark.long
async def test_two_at_once_do_it_one_after_the_other(dsn: str) -> None:
    async with filled(dsn, 600) as one:
        rows = await one.rows()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(partition, dsn, 4)
        assert await one.rows() == rows


@pytest.mark.long
async def test_searches_go_on_while_the_swap_waits_for_a_long_one(dsn: str) -> None:
    async with filled(dsn, 300) as one:
        expected = await one.hits("word350", SearchFilter())
        reader = await asyncpg.connect(dsn)
        await reader.execute("BEGIN; SELECT count(*) FROM chunks")
        await interrupted(dsn, 2, at="taking")
        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(partition, dsn, 2)
                for _ in range(3):
                    await until_blocked_by(one, reader)
                    # Behind the one who waits, until that gives up.
                    with anyio.fail_after(10):
                        assert await one.hits("word350", SearchFilter()) == expected
                assert len(await parts(one)) == 1
                await reader.execute("COMMIT")
        await reader.close()
        assert len(await parts(one)) == 2


async def parts(one: Filled) -> list[str]:
    async with one.database.pool.acquire() as connection:
        return await parts_of(connection, "chunks")


@pytest.mark.long
async def test_a_table_that_is_never_free_is_left_as_it_is(dsn: str) -> None:
    async with filled(dsn, 100) as one, one.database.pool.acquire() as connection:
        reader = await asyncpg.connect(dsn)
        await reader.execute("BEGIN; SELECT count(*) FROM chunks")
        with pytest.raises(TableBusy, match="others held the table"):
            await briefly(
                connection, "t", lambda: connection.execute("DROP TABLE chunks"), attempts=2
            )
        await reader.close()
        assert await connection.fetchval("SELECT count(*) FROM chunks") == 100
    assert list(waits(7)) == [50, 100, 200, 400, 800, 1_600, 1_600]


async def test_a_change_of_a_chunk_is_refused_while_they_move(dsn: str) -> None:
    async with filled(dsn, 100) as one:
        await interrupted(dsn, 2, at="copying")
        with pytest.raises(asyncpg.RaiseError, match="UPDATE is not mirrored"):
            await one.database.pool.execute("UPDATE chunks SET kind = 'x'")


async def test_numbers_that_make_no_sense_are_refused(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()):
        for number in (0, -1, 257):
            with pytest.raises(NotPartitioned, match="from 1, the one table, to 256"):
                await partition(dsn, number)
