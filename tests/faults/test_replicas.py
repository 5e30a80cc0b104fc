"""Searches read from a streaming standby while it answers, and else from the primary."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import asyncpg
import pytest
from job_checks import engine_at, until
from live_trees import write_tree
from own_postgres import own_postgres
from standby import PRIMARY, Standby, standby_of

from engine import Engine, Folder, RealmNotFound

REALM = "r"


@dataclass
class Pair:
    """An engine that searches on the standby, and the standby itself."""

    engine: Engine
    standby: Standby
    standby_dsn: str
    root: Path

    async def index(self, text: str, *, realm: str = REALM) -> None:
        write_tree(self.root, {"a.md": text})
        handle = await self.engine.add_realm(realm, Folder(self.root))
        await (await handle.index()).finished()

    async def found(self, *, realm: str = REALM) -> str:
        hits = await self.engine.search("what is it", realm=realm)
        return hits[0].text.strip() if hits else ""

    async def on_standby(self, statement: str) -> object:
        connection = await asyncpg.connect(self.standby_dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def replicated(folder: Path) -> AsyncIterator[Pair]:
    async with (
        own_postgres(folder / "primary", options=PRIMARY) as primary,
        standby_of(primary, folder / "standby") as standby,
    ):
        dsn = await primary.create_database()
        at = urlsplit(dsn)._replace(netloc=urlsplit(standby.dsn).netloc).geturl()
        async with engine_at(dsn, folder / "home", search_dsn=at) as engine:
            yield Pair(engine, standby, at, folder / "tree")


@pytest.mark.long
async def test_searches_read_a_standby_and_outlive_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "widthwise.replica")
    async with replicated(tmp_path) as pair:
        await reads_where_it_should(pair, caplog)


async def reads_where_it_should(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    await pair.index("the first text")
    await until(lambda: shows(pair, "the first text"))

    # It stands still, so what is found now is found there.
    await pair.on_standby("SELECT pg_wal_replay_pause()")
    await pair.index("the second text")
    assert await pair.found() == "the first text"
    assert (await pair.engine.lines(REALM, "a.md")).lines[0].strip() == "the first text"
    # What it lacks is not said to be missing.
    await pair.index("the second text", realm="new")
    assert await pair.found(realm="new") == "the second text"
    with pytest.raises(RealmNotFound):
        await pair.found(realm="nobody's")
    await pair.on_standby("SELECT pg_wal_replay_resume()")
    await until(lambda: shows(pair, "the second text"))
    assert caplog.messages == []

    await pair.standby.kill()
    for _ in range(20):
        assert await pair.found() == "the second text"
    await pair.standby.start()
    await until(lambda: heard(caplog, "answers again", pair))
    told = [message.partition(":")[0] for message in caplog.messages]
    assert told[0] == "the replica does not answer, asking the primary"
    # Twenty searches did not try it twenty times.
    assert len(told) <= 3, told
    password = urlsplit(pair.standby_dsn).password
    assert password
    assert password not in caplog.text + repr(pair.engine.settings)


async def shows(pair: Pair, text: str) -> bool:
    return await pair.found() == text


async def heard(caplog: pytest.LogCaptureFixture, words: str, pair: Pair) -> bool:
    await pair.found()
    return words in caplog.text


async def test_a_standby_that_never_answered_delays_one_search(
    dsn: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever listens there takes connections and says nothing."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    silent = f"postgresql://someone:hidden-word@127.0.0.1:{port}/nowhere"
    async with listener, engine_at(dsn, tmp_path / "home", search_dsn=silent) as engine:
        with anyio.fail_after(30):
            for _ in range(10):
                assert await engine.search("anything") == []
    assert len([line for line in caplog.messages if "does not answer" in line]) == 1
    assert "hidden-word" not in caplog.text
