"""The proxy and the server that other tests break do what they say."""

import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import anyio
import asyncpg
import pytest
import pytest_asyncio
from own_postgres import OwnPostgres, fill_disk, free_port, own_postgres, small_disk
from tcp_proxy import TcpProxy, Way, address_of, dsn_at, proxied

from engine.index.embedded.file_lock import is_held

PATIENCE_SECONDS = 30.0
"""What a test waits for takes no time; this only turns a standstill into a failure."""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

BROKEN = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)
SSL_REQUEST = bytes.fromhex("0000000804d2162f")


@pytest_asyncio.fixture
async def proxy(dsn: str) -> AsyncIterator[TcpProxy]:
    async with proxied(dsn) as proxy:
        yield proxy


@pytest_asyncio.fixture
async def client(proxy: TcpProxy, connection: Connection) -> AsyncIterator[Connection]:
    """A connection through the proxy, and an empty table `t`."""
    await connection.execute("CREATE TABLE t (n int)")
    client = await asyncpg.connect(proxy.dsn, command_timeout=PATIENCE_SECONDS)
    yield client
    client.terminate()


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwnPostgres]:
    async with own_postgres(tmp_path / "own") as server:
        yield server


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - what is awaited is in another process
            await anyio.sleep(0.005)


async def until_open(proxy: TcpProxy, count: int) -> None:
    async def is_so() -> bool:
        return proxy.statistics().open == count

    await until(is_so)


async def rows(connection: Connection) -> int:
    count: int = await connection.fetchval("SELECT count(*) FROM t")
    return count


async def is_served(connection: Connection, pid: int) -> bool:
    query = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)"
    served: bool = await connection.fetchval(query, pid)
    return served


async def nothing_happens(connection: Connection) -> None:
    """Time in which what is held would have passed, by the server's clock."""
    await connection.execute("SELECT pg_sleep(0.2)")


def raw_connection(proxy: TcpProxy) -> socket.socket:
    address = address_of(proxy.dsn)
    assert not isinstance(address, str)
    return socket.create_connection(address, PATIENCE_SECONDS)


async def insert_in_transaction(client: Connection) -> None:
    async with client.transaction():
        await client.execute("INSERT INTO t VALUES (1)")


def counts(proxy: TcpProxy) -> tuple[int, int]:
    passed = proxy.statistics()
    return passed.to_server_bytes, passed.to_client_bytes


async def test_what_passes_the_proxy_is_unchanged(proxy: TcpProxy, client: Connection) -> None:
    blob = bytes(range(256)) * 16_384
    assert await client.fetchval("SELECT $1::bytea", blob) == blob
    # What has arrived is counted by another thread, a moment later.
    with anyio.fail_after(10):
        while min(counts(proxy)) <= len(blob):  # noqa: ASYNC110 - it has no event
            await anyio.sleep(0.001)
    await client.close()
    await until_open(proxy, 0)
    assert proxy.statistics().accepted == 1


async def test_what_was_held_goes_on_unchanged(proxy: TcpProxy, client: Connection) -> None:
    async def fetch() -> None:
        assert await client.fetchval("SELECT $1::bytea", blob) == blob
        tasks.cancel_scope.cancel()

    blob = bytes(range(256)) * 32_768
    freezes = 0
    proxy.delay(0.001)
    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fetch)
            while True:
                proxy.freeze()
                freezes += 1
                proxy.thaw()
                await anyio.sleep(0.001)
    assert freezes > 3


async def test_a_frozen_query_hangs_and_goes_on_after_the_thaw(
    proxy: TcpProxy, client: Connection, connection: Connection
) -> None:
    async with anyio.create_task_group() as tasks:
        proxy.freeze()
        before = proxy.statistics()
        tasks.start_soon(client.execute, "INSERT INTO t VALUES (1)")
        await nothing_happens(connection)
        assert await rows(connection) == 0
        assert proxy.statistics() == before
        proxy.thaw()
    assert await rows(connection) == 1


async def test_behind_frozen_answers_a_statement_is_done(
    proxy: TcpProxy, client: Connection, connection: Connection
) -> None:
    async def insert() -> None:
        with pytest.raises(BROKEN):
            await client.execute("INSERT INTO t VALUES (1)")

    async with anyio.create_task_group() as tasks:
        proxy.freeze(Way.TO_CLIENT)
        tasks.start_soon(insert)
        await until(lambda: rows(connection))
        assert not client.is_closed()
        proxy.cut()


async def test_nobody_answers_who_connects_to_a_frozen_proxy(proxy: TcpProxy) -> None:
    proxy.freeze()
    with pytest.raises(TimeoutError):
        await asyncpg.connect(proxy.dsn, timeout=0.2)
    proxy.thaw()
    await (await asyncpg.connect(proxy.dsn)).close()


async def test_in_a_black_hole_the_server_does_not_learn_of_a_death(
    proxy: TcpProxy, client: Connection, connection: Connection
) -> None:
    pid = client.get_server_pid()
    proxy.freeze()
    client.terminate()
    await nothing_happens(connection)
    assert await is_served(connection, pid)
    proxy.thaw()

    async def is_gone() -> bool:
        return not await is_served(connection, pid)

    await until(is_gone)


@pytest.mark.parametrize("reset", [False, True])
async def test_in_a_black_hole_an_end_is_not_passed_on(
    proxy: TcpProxy, connection: Connection, reset: bool
) -> None:
    with raw_connection(proxy) as raw:
        raw.sendall(SSL_REQUEST)
        assert raw.recv(1) == b"N"
        proxy.freeze()
        if reset:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await nothing_happens(connection)
    assert proxy.statistics().open == 1
    proxy.thaw()
    await until_open(proxy, 0)


async def test_a_frozen_proxy_does_not_tell_that_nobody_stands_behind_it() -> None:
    async with proxied(f"postgresql://nobody@127.0.0.1:{free_port()}/none") as proxy:
        with pytest.raises(BROKEN):
            await asyncpg.connect(proxy.dsn, timeout=PATIENCE_SECONDS)
        proxy.freeze()
        with pytest.raises(TimeoutError):
            await asyncpg.connect(proxy.dsn, timeout=0.2)


@pytest.mark.parametrize("frozen", [False, True])
async def test_a_cut_breaks_the_query_and_ends_the_session(
    proxy: TcpProxy, client: Connection, connection: Connection, frozen: bool
) -> None:
    async def cut() -> None:
        await proxy_has_seen.sprung()
        if frozen:
            proxy.freeze()
        proxy.cut()
        assert proxy.statistics().open == 0

    async def is_gone() -> bool:
        return not await is_served(connection, pid)

    pid = client.get_server_pid()
    proxy_has_seen = proxy.arm(b"pg_sleep", lambda: None)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cut)
        with pytest.raises(BROKEN), anyio.fail_after(PATIENCE_SECONDS):
            await client.execute("SELECT pg_sleep(0.3)")
    await until(is_gone)


async def test_a_cut_is_a_reset_and_the_next_connection_is_served(proxy: TcpProxy) -> None:
    with raw_connection(proxy) as raw:
        raw.sendall(SSL_REQUEST)
        assert raw.recv(1) == b"N"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            raw.recv(1)
    await (await asyncpg.connect(proxy.dsn)).close()


async def test_the_proxy_works_while_the_loop_of_the_test_is_blocked(proxy: TcpProxy) -> None:
    with raw_connection(proxy) as raw:
        raw.sendall(SSL_REQUEST)
        assert raw.recv(1) == b"N"


async def test_only_the_connection_that_said_so_is_cut_or_frozen(
    proxy: TcpProxy, client: Connection
) -> None:
    listener = await asyncpg.connect(proxy.dsn)
    await listener.execute("LISTEN news")
    proxy.freeze(saying=b"LISTEN")
    assert await client.fetchval("SELECT 1") == 1
    await (await asyncpg.connect(proxy.dsn)).close()
    with pytest.raises(TimeoutError):
        await listener.execute("SELECT 1", timeout=0.2)
    proxy.cut(saying=b"LISTEN")
    assert await client.fetchval("SELECT 1") == 1
    with pytest.raises(BROKEN):
        await listener.execute("SELECT 1")
    # The others that were there are a moment, one of them asked to cancel the statement.
    await until_open(proxy, 1)


async def test_who_is_refused_is_told_so_and_who_is_in_goes_on(
    proxy: TcpProxy, client: Connection
) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(proxy.dsn)
    assert await client.fetchval("SELECT 1") == 1
    proxy.accept()
    await (await asyncpg.connect(proxy.dsn)).close()


async def test_a_delayed_query_takes_the_delay_there_and_back(
    proxy: TcpProxy, client: Connection
) -> None:
    began = anyio.current_time()
    proxy.delay(0.1)
    await client.execute("SELECT 1")
    assert anyio.current_time() - began >= 0.2
    proxy.delay(0)


async def test_a_commit_that_is_cut_off_is_none(
    proxy: TcpProxy, client: Connection, connection: Connection
) -> None:
    trap = proxy.arm(b"COMMIT", proxy.cut)
    with pytest.raises(BROKEN), anyio.fail_after(PATIENCE_SECONDS):
        await insert_in_transaction(client)
    await trap.sprung()
    async with connection.transaction():
        # Waits for the transaction of the lost session, if there still is one.
        await connection.execute("LOCK TABLE t")
        assert await rows(connection) == 0


async def test_a_commit_whose_answer_is_lost_is_one(
    proxy: TcpProxy, client: Connection, connection: Connection
) -> None:
    async def insert() -> None:
        with pytest.raises(BROKEN):
            await insert_in_transaction(client)

    proxy.arm(b"COMMIT", lambda: proxy.freeze(Way.TO_CLIENT))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(insert)
        await until(lambda: rows(connection))
        proxy.cut()
        proxy.thaw()
    again = await asyncpg.connect(proxy.dsn)
    await insert_in_transaction(again)
    assert await rows(connection) == 2
    await again.close()


async def test_a_trap_tells_what_went_wrong_in_it(proxy: TcpProxy, client: Connection) -> None:
    def fail() -> None:
        raise LookupError("no such thing")

    trap = proxy.arm(b"SELECT", fail)
    assert await client.fetchval("SELECT 1") == 1
    with pytest.raises(LookupError):
        await trap.sprung()


@pytest.mark.parametrize(
    ("dsn", "address", "through"),
    [
        ("postgresql://a:b@host:77/d", ("host", 77), "postgresql://a:b@127.0.0.1:5/d"),
        ("postgresql://a@/d?host=/s&port=78&x=y", "/s/.s.PGSQL.78", "postgresql://a@127.0.0.1:5/d"),
        ("postgresql:///d?host=%2Ft%20u", "/t u/.s.PGSQL.5432", "postgresql://127.0.0.1:5/d"),
    ],
)
def test_the_proxy_stands_where_the_dsn_leads(
    dsn: str, address: str | tuple[str, int], through: str
) -> None:
    assert address_of(dsn) == address
    place, _, query = dsn_at(dsn, 5).partition("?")
    assert (place, query.rpartition("&")[2]) == (through, "sslmode=disable")


@pytest.mark.parametrize("how", [OwnPostgres.kill, OwnPostgres.stop])
async def test_a_server_comes_back_at_its_place_with_what_was_committed(
    server: OwnPostgres, how: Callable[[OwnPostgres], Awaitable[None]]
) -> None:
    dsn = await server.create_database()
    client = await asyncpg.connect(dsn)
    await client.execute("CREATE TABLE t AS SELECT 1 AS n")
    uncommitted = client.transaction()
    await uncommitted.start()
    await client.execute("INSERT INTO t VALUES (2)")
    await how(server)
    assert not server.is_up
    with pytest.raises(BROKEN):
        await client.fetchval("SELECT 1")
    with pytest.raises(OSError, match=r".+"):
        await asyncpg.connect(dsn)
    await server.start()
    again = await asyncpg.connect(dsn)
    assert await rows(again) == 1
    await again.close()


async def test_a_kill_does_not_wait_for_a_computation(server: OwnPostgres) -> None:
    async def compute() -> None:
        with pytest.raises(BROKEN):
            await client.execute("DO $$ BEGIN LOOP END LOOP; END $$")

    async def computes() -> bool:
        query = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active')"
        return bool(await connection.fetchval(query, client.get_server_pid()))

    client, connection = await asyncpg.connect(server.dsn), await asyncpg.connect(server.dsn)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(compute)
        await until(computes)
        await server.kill()
    connection.terminate()
    await server.start()


async def test_a_proxy_outlives_restarts_of_its_server(server: OwnPostgres) -> None:
    async with proxied(server.dsn) as proxy:
        client = await asyncpg.connect(proxy.dsn)
        await server.restart()
        with pytest.raises(BROKEN):
            await client.execute("SELECT 1")
        await server.stop()
        with pytest.raises(BROKEN):
            await asyncpg.connect(proxy.dsn)
        await server.start()
        await (await asyncpg.connect(proxy.dsn)).close()


async def test_options_hold_from_the_next_start_and_bad_ones_are_told(
    server: OwnPostgres,
) -> None:
    server.options["max_connections"] = "17"
    await server.restart()
    connection = await asyncpg.connect(server.dsn)
    assert await connection.fetchval("SHOW max_connections") == "17"
    await connection.execute("CREATE EXTENSION vector")
    await connection.close()
    server.options["max_connections"] = "many"
    with pytest.raises(RuntimeError, match="max_connections"):
        await server.restart()


async def test_a_full_disk_fails_a_statement_until_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", mebibytes=96) as disk:
        await fill_and_free(tmp_path / "own", disk)


async def fill_and_free(home: Path, disk: Path) -> None:
    async with own_postgres(home, data=disk / "data") as server:
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("CREATE TABLE t (n int, text text)")
        ballast = fill_disk(disk)
        insert = "INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 1000) AS n"
        with pytest.raises(asyncpg.DiskFullError):
            await connection.execute(insert)
        ballast.unlink()
        await connection.execute(insert)
        assert await rows(connection) == 1000
        await connection.close()


async def test_nothing_is_left_of_a_server(tmp_path: Path) -> None:
    async with own_postgres(tmp_path / "own", data=tmp_path / "data") as server:
        connection = await asyncpg.connect(server.dsn)
        assert is_held(tmp_path / "own/postgres/server.lock")
        assert (tmp_path / "data").exists()
    connection.terminate()
    assert not is_held(tmp_path / "own/postgres/server.lock")
    assert not (tmp_path / "data").exists()
