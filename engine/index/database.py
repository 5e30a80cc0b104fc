"""Connections to Postgres, and its schema. Knows nothing of what is stored."""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path

import anyio
import asyncpg
from pgvector.asyncpg import register_vector

from engine.errors import WidthwiseError
from engine.index.brief_lock import briefly
from engine.index.embedded import embedded_postgres
from engine.index.pooler import lends_by_transaction
from engine.index.session import session_options

log = logging.getLogger("widthwise.database")

# One lock for all installations that share a database: "widthwis" as a number.
MIGRATION_LOCK = 0x7769647468776973

# A host that is cut off says no goodbye. The server ends its sessions, and frees their locks,
# after these seconds instead of the hours that are usual; on a socket it means nothing.
NOTICE_DEATH = (
    "SET tcp_keepalives_idle = 6; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3;"
    " SET tcp_user_timeout = 15000"
)

_NUMBER = "SELECT max(number) FROM widthwise_schema"

# How long a statement about jobs may take.
BRISK_SECONDS = 5

# A replica is not waited for longer than this: the primary can be asked.
REPLICA_CONNECT_SECONDS = 2
REPLICA_SECONDS = 10

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Queryable = asyncpg.Pool | Connection


UNREACHABLE = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.PostgresConnectionError,
)

# What a statement raises while the database is away, or the way to it is cut.
BROKEN = (
    *UNREACHABLE,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # The driver's own state, when a connection ends while it is being made.
    asyncpg.InternalClientError,
    TimeoutError,
)


class DatabaseUnavailable(WidthwiseError):
    """Postgres does not answer, or lacks what is needed."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database as this process uses it.

    `pool` is for what may take long, `brisk` for small statements that must be quick, or
    fail soon; `dsn` for a session of one's own, where there are any: `lends` says that there
    are none, because a pooler lends them by the transaction.
    """

    dsn: str = field(repr=False)
    pool: asyncpg.Pool
    brisk: asyncpg.Pool
    lends: bool = False


@asynccontextmanager
async def open_database(
    *,
    dsn: str,
    home: Path,
    session_dsn: str = "",
    connections: int = 8,
    application_name: str = "widthwise",
) -> AsyncIterator[Database]:
    """A migrated database: the one that `dsn` names, or the embedded one in `home`.

    `session_dsn` leads to the same one around a pooler that `dsn` leads to.
    """
    if dsn:
        async with _database(dsn, session_dsn, connections, application_name) as database:
            yield database
        return
    async with (
        embedded_postgres(home) as embedded,
        _database(embedded, embedded, connections, application_name) as database,
    ):
        yield database


@asynccontextmanager
async def _database(
    dsn: str, session_dsn: str, connections: int, application_name: str
) -> AsyncIterator[Database]:
    session = {"application_name": application_name}
    try:
        await migrate(session_dsn or dsn)
        lent = dsn != session_dsn and await lends_by_transaction(dsn)
        options = session_options(lent=lent)
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=connections,
            init=partial(_prepare, lent=lent),
            command_timeout=600,
            reset=_leave_clean,
            server_settings=session,
            **options,
        )
        # What jobs need is small, and must not wait behind the statements of a pass. It is
        # planned once: to plan a claim anew takes longer than to run it.
        brisk = await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=2,
            # A lent session keeps no plan, and is not ours to set anything in.
            init=None if lent else _plan_once,
            command_timeout=BRISK_SECONDS,
            reset=_leave_clean,
            server_settings=session,
            **options,
        )
    except (ValueError, asyncpg.InterfaceError):
        # What a parser says of a malformed DSN may quote the password in it.
        raise DatabaseUnavailable(
            "cannot open the database: WIDTHWISE_DSN is malformed; it looks like"
            " postgresql://user:password@host:5432/database"
        ) from None
    except UNREACHABLE as error:
        # The DSN may hold a password, so the message names the reason alone.
        raise DatabaseUnavailable(
            f"cannot open the database: {error}; WIDTHWISE_DSN says where it is"
        ) from None
    if lent and not session_dsn:
        log.warning(
            "a pooler lends the database sessions by the transaction: changes are looked for each "
            "second instead of heard of, and no vector index is built from here; "
            "WIDTHWISE_SESSION_DSN can name a way around the pooler"
        )
    try:
        yield Database(session_dsn or dsn, pool, brisk, lends=lent and not session_dsn)
    finally:
        with anyio.move_on_after(5, shield=True) as scope:
            await brisk.close()
            await pool.close()
        if scope.cancelled_caught:
            brisk.terminate()
            pool.terminate()


async def open_replica(dsn: str, *, connections: int = 8) -> asyncpg.Pool:
    """A pool for reading, by whichever way: a pooler may stand before a replica.

    It connects when it is used, and gives up soon: somebody waits, and can ask the primary.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=connections,
        init=partial(_prepare, lent=True),
        timeout=REPLICA_CONNECT_SECONDS,
        command_timeout=REPLICA_SECONDS,
        reset=_leave_clean,
        **session_options(lent=True),
    )


async def _plan_once(connection: asyncpg.Connection) -> None:
    # Not when the session starts: a pooler refuses to start one with what it does not know.
    await connection.execute(f"SET plan_cache_mode = force_generic_plan; {NOTICE_DEATH}")


async def _leave_clean(connection: asyncpg.Connection) -> None:
    """Nothing here listens, locks or sets anything: only a transaction may be left open.

    The usual reset is another round trip for each statement.
    """
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def _prepare(connection: asyncpg.Connection, *, lent: bool) -> None:
    if not lent:
        await connection.execute(NOTICE_DEATH)
    # In one transaction, since a pooler may lend another session for the next.
    async with connection.transaction():
        await register_vector(connection)
        # The terms of a chunk are encoded by the process that parsed it.
        await connection.set_type_codec(
            "tsvector", schema="pg_catalog", format="binary", encoder=bytes, decoder=bytes
        )


async def migrate(dsn: str) -> None:
    """Bring the schema up to date.

    Migrations are numbered and go forward only. The lock makes any number of processes
    that start at once apply each of them one time; each is a transaction of its own, so
    that one that fails leaves the schema at the number before it.
    """
    connection = await asyncpg.connect(dsn, timeout=30, **session_options(lent=True))
    try:
        # The usual case, up to date, takes no lock.
        applied = await _schema_number(connection)
        for number, name, statements in MIGRATIONS:
            if number > applied:
                await _apply(connection, number, name, statements)
    finally:
        await connection.close()


async def _schema_number(connection: asyncpg.Connection) -> int:
    if await connection.fetchval("SELECT to_regclass('widthwise_schema')") is None:
        return 0
    return int(await connection.fetchval(_NUMBER) or 0)


async def _apply(connection: asyncpg.Connection, number: int, name: str, statements: str) -> None:
    async def act() -> None:
        # Before the number is asked for: the server may still remember, from before the
        # lock was ours, that there is no such table.
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS widthwise_schema"
            " (number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        if (await connection.fetchval(_NUMBER) or 0) >= number:
            return  # Another process has been quicker.
        log.info("applying migration %s", name)
        await connection.execute(statements)
        await connection.execute("INSERT INTO widthwise_schema (number) VALUES ($1)", number)

    try:
        # Others may be at it, and are waited for; those who use a table are not kept waiting.
        turn = f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"
        await briefly(connection, f"migration {name}", act, first=turn)
    except (asyncpg.FeatureNotSupportedError, asyncpg.UndefinedFileError) as error:
        raise DatabaseUnavailable(f"the server lacks the pgvector extension: {error}") from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseUnavailable(
            f"{error.args[0]}: our role has to own the database, and a superuser to run"
            " CREATE EXTENSION vector in it once"
        ) from None


def _migrations() -> list[tuple[int, str, str]]:
    """All of them, in order. One that is released never changes: what comes after it is new."""
    found = [
        (int(file.name[:4]), file.name, file.read_text("utf-8"))
        for file in files("engine.index").joinpath("migrations").iterdir()
        if re.fullmatch(r"\d{4}_\w+\.sql", file.name)
    ]
    # The definition cache brings its tables along.
    definitions = files("prewarm").joinpath("queries/create_definitions.sql")
    return sorted([*found, (2, "0002_definitions.sql", definitions.read_text("utf-8"))])


MIGRATIONS = _migrations()
