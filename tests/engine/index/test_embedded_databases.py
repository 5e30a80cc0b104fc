"""What a database of the embedded server can do, seen through the fixture that all tests use."""

import asyncpg


async def test_a_database_of_a_test_is_empty_and_utf8(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert await connection.fetchval(tables) == 0
    assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    await connection.close()


async def test_vectors_of_half_precision_are_there(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE EXTENSION vector")
    await connection.execute("CREATE TABLE t (v halfvec(3))")
    await connection.execute("CREATE INDEX ON t USING hnsw (v halfvec_cosine_ops)")
    assert await connection.fetchval("SELECT '[1,2,3]'::halfvec <-> '[1,2,5]'") == 2
    await connection.close()


async def test_text_sorts_by_code_point_and_folds_by_unicode(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    ordered = await connection.fetch(
        "SELECT * FROM unnest(ARRAY['b', 'é', 'A', 'a', 'B']) t ORDER BY t"
    )
    assert [row[0] for row in ordered] == ["A", "B", "a", "b", "é"]
    assert await connection.fetchval("SELECT to_tsvector('simple', 'ÉCOLE')::text") == "'école':1"
    await connection.close()


async def test_it_is_small_and_silent_on_the_network(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    expected = {
        "listen_addresses": "", "synchronous_commit": "on", "jit": "off",
        "wal_level": "minimal", "TimeZone": "UTC", "shared_buffers": "64MB",
    }  # fmt: skip
    rows = await connection.fetch(
        "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY($1)", list(expected)
    )
    assert {row[0]: row[1] for row in rows} == expected
    await connection.close()
