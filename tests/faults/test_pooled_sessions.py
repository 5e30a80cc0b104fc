"""Behind a pooler a session lock tells nothing, and there may be no session to speak of."""

import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import asyncpg
import pytest
from live_trees import write_tree
from own_postgres import free_port, own_postgres

from engine import BadSetting, Engine, Folder, Isolation, Settings
from engine.index.pooler import lends_by_transaction

PATIENCE_SECONDS = 60.0
"""What a test waits for takes no time; this only turns a standstill into a failure."""

needs_pooler = pytest.mark.skipif(
    shutil.which("pgbouncer") is None, reason="pgbouncer is not installed"
)


def pooler_settings(folder: Path, dsn: str, port: int, *, mode: str, sessions: int) -> Path:
    """A folder that the pooler's own account can read, since it refuses to be root."""
    url = urlsplit(dsn)
    folder.mkdir(mode=0o755)
    path = folder / "pgbouncer.ini"
    path.write_text(
        f"""[databases]
* = host={url.hostname} port={url.port} user={url.username} password={url.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {sessions}
ignore_startup_parameters = extra_float_digits, application_name, search_path
"""
    )
    return path


@asynccontextmanager
async def pooled(
    dsn: str, folder: Path, *, mode: str = "session", sessions: int = 20
) -> AsyncIterator[str]:
    """PgBouncer in front of a server; it answers the start of each session by itself."""
    url, port = urlsplit(dsn), free_port()
    settings = pooler_settings(folder, dsn, port, mode=mode, sessions=sessions)
    command = ["pgbouncer", "-q", "-u", "nobody", str(settings)]
    async with await anyio.open_process(command) as process:
        pooler = f"postgresql://{url.username}@127.0.0.1:{port}{url.path}"
        try:
            await answering(pooler)
            yield pooler
        finally:
            process.kill()


async def answering(dsn: str) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while True:
            try:
                connection = await asyncpg.connect(dsn)
            except (OSError, asyncpg.PostgresError):
                await anyio.lowlevel.checkpoint()
            else:
                await connection.close()
                return


@needs_pooler
async def test_a_worker_behind_a_pooler_says_that_it_goes_by_the_lease_and_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tree = write_tree(tmp_path / "tree", {"a.txt": "one\n"})
    async with (
        own_postgres(tmp_path / "home") as server,
        pooled(server.dsn, tmp_path / "pooler") as dsn,
    ):
        settings = Settings(home=tmp_path, dsn=dsn, embedder="hashed", isolation=Isolation.INLINE)
        with caplog.at_level(logging.WARNING), anyio.fail_after(PATIENCE_SECONDS):
            async with Engine.open(settings) as engine:
                realm = await engine.add_realm("r", Folder(tree))
                assert (await (await realm.index()).finished()).files == 1
                assert await held_locks(server.dsn) == (1, 0)
    assert "only when its lease" in caplog.text


@needs_pooler
async def test_how_a_pooler_lends_its_sessions_is_found_out(tmp_path: Path) -> None:
    kinds = {"session": False, "transaction": True}
    async with own_postgres(tmp_path / "home") as server:
        assert not await lends_by_transaction(server.dsn)
        for (mode, lends), sessions in product(kinds.items(), (1, 20)):
            folder = tmp_path / f"{mode}{sessions}"
            async with pooled(server.dsn, folder, mode=mode, sessions=sessions) as dsn:
                assert await lends_by_transaction(dsn) is lends, (mode, sessions)


@needs_pooler
async def test_sessions_that_are_lent_by_the_transaction_are_enough_for_passes_and_searches(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tree = write_tree(tmp_path / "tree", {f"m{n}.py": f"def f{n}(): ...\n" for n in range(40)})
    async with (
        own_postgres(tmp_path / "home") as server,
        # Fewer than we have clients: each is lent to all of them in turn.
        pooled(server.dsn, tmp_path / "pooler", mode="transaction", sessions=3) as dsn,
    ):
        settings = Settings(home=tmp_path, dsn=dsn, embedder="hashed", isolation=Isolation.INLINE)
        with caplog.at_level(logging.WARNING), anyio.fail_after(PATIENCE_SECONDS):
            async with (
                Engine.open(settings) as engine,
                Engine.open(settings) as other,
            ):
                realm = await engine.add_realm("r", Folder(tree))
                assert (await (await realm.index()).finished()).files == 40
                write_tree(tree, {"m1.py": "def changed(): ...\n", "m2.py": None})
                report = await (await realm.index()).finished()
                assert (report.files, report.visited, report.deleted) == (39, 1, 1)
                assert (await other.search("changed", realm="r"))[0].path == "m1.py"
                assert await held_locks(server.dsn) == (2, 0)
                with pytest.raises(BadSetting, match="WIDTHWISE_SESSION_DSN"):
                    await engine.tend_indexes()
    assert "looked for each second" in caplog.text


@needs_pooler
async def test_with_a_way_around_the_pooler_nothing_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tree = write_tree(tmp_path / "tree", {"a.txt": "one\n"})
    async with (
        own_postgres(tmp_path / "home") as server,
        pooled(server.dsn, tmp_path / "pooler", mode="transaction", sessions=3) as dsn,
    ):
        settings = Settings(
            home=tmp_path,
            dsn=dsn,
            session_dsn=server.dsn,
            embedder="hashed",
            isolation=Isolation.INLINE,
            poll_seconds=PATIENCE_SECONDS,
        )
        with caplog.at_level(logging.WARNING), anyio.fail_after(PATIENCE_SECONDS):
            async with Engine.open(settings) as engine:
                realm = await engine.add_realm("r", Folder(tree))
                assert (await (await realm.index()).finished()).files == 1
                assert await held_locks(server.dsn) == (1, 1)
                assert await engine.tend_indexes() == []
    assert "pooler" not in caplog.text


async def held_locks(dsn: str) -> tuple[int, int]:
    """Workers that are known, and those of them that say they hold a lock."""
    connection = await asyncpg.connect(dsn)
    try:
        return tuple(
            await connection.fetchrow(
                "SELECT count(*)::int, count(*) FILTER (WHERE holds_lock)::int FROM workers"
            )
        )
    finally:
        await connection.close()
