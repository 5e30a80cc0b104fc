"""What a process keeps of a realm from pass to pass is used while it is true, and not longer."""

from pathlib import Path

import asyncpg
import pytest
from live_trees import OpenEngine, live_rows
from statement_counter import counted_statements, words_of

from engine import Engine, Isolation, PassReport, Settings
from engine.discover import Recorded
from engine.index.sql import query
from engine.kept_records import KeptRecords, Standing
from engine.sources import FileGone, Snapshot, SourceFile, Stamp

LISTED_AT_NS = 10**18
READ_ALL = words_of(query("select_recorded"))


class Versions:
    """Files whose stamps are their versions, so that an old stamp can come back.

    An odd version has the content of the one before it.
    """

    def __init__(self, **files: int) -> None:
        self.files = files
        self.reads = 0

    def snapshot(self) -> Snapshot:
        listed = sorted(self.files.items())
        files = (SourceFile(key, Stamp(10, version, version, 1)) for key, version in listed)
        return Snapshot(tuple(files), listed_at_ns=LISTED_AT_NS)

    def read(self, key: str, *, max_bytes: int) -> bytes:
        if key not in self.files:
            raise FileGone(key)
        self.reads += 1
        return f"version {self.files[key] & ~1}\n".encode()

    def describe(self) -> dict[str, str]:
        return {"kind": "versions"}


async def passed(engine: Engine, source: Versions, **files: int | None) -> PassReport:
    """A pass after these files have come to other versions, or are gone."""
    for key, version in files.items():
        source.files.pop(key, None)
        if version is not None:
            source.files[key] = version
    await engine.add_realm("r", source)
    return await (await engine.index("r")).finished()


async def indexed(dsn: str) -> dict[str, str]:
    return {row["key"]: row["chunks"][0]["text"].strip() for row in await live_rows(dsn, "r")}


async def test_of_a_realm_that_was_read_only_what_was_written_since_is_read(
    tmp_path: Path, dsn: str
) -> None:
    source = Versions(a=2, b=2)
    async with counted_statements(dsn) as statements:
        settings = Settings(
            home=tmp_path, dsn=statements.dsn, embedder="hashed", isolation=Isolation.INLINE
        )
        async with Engine.open(settings) as engine:
            await passed(engine, source)
            statements.seen.clear()
            await passed(engine, source)
            await passed(engine, source, a=4, b=None, c=2)
            await passed(engine, source, a=2)
            assert (await passed(engine, source)).visited == 0
            assert statements.seen[READ_ALL] == 0
    assert await indexed(dsn) == {"a": "version 2", "c": "version 2"}


async def test_a_file_that_was_touched_is_hashed_once(open_engine: OpenEngine) -> None:
    source = Versions(a=2, b=2)
    async with open_engine() as engine:
        await passed(engine, source)
        source.reads = 0
        assert (await passed(engine, source, a=3)).touched == 1
        assert (await passed(engine, source)).touched == 0
        assert source.reads == 1
        assert (await passed(engine, source, b=4)).modified == 1
        assert (await passed(engine, source)).touched == 0
    # The other one was read to be compared and to be parsed.
    assert source.reads == 1 + 2


GHOST = Recorded(b"", Stamp(1, 1, 1, 1), 1, "", None, False)


async def found(
    open_engine: OpenEngine, dsn: str, kept: KeptRecords, *, after: str = "", times: int = 1
) -> set[str]:
    """The keys that `kept` knows of a realm whose last pass left it two others, after all that."""
    source = Versions(a=1)
    connection = await asyncpg.connect(dsn)
    async with open_engine() as engine:
        await passed(engine, source)
        row = await connection.fetchrow("SELECT id, pass_token, generation FROM realms")
        assert row is not None
        standing = Standing(row["pass_token"], row["generation"], row["generation"])
        kept.keep(row["id"], standing, {"ghost": GHOST, "shade": GHOST})
        if after == "another pass":
            await passed(engine, source)
        elif after:
            await connection.execute(after)
        for _ in range(times):
            recorded = await kept.recorded(connection, row["id"])
    await connection.close()
    return set(recorded)


async def test_records_are_used_while_nobody_else_has_begun(
    open_engine: OpenEngine, dsn: str
) -> None:
    assert await found(open_engine, dsn, KeptRecords()) == {"ghost", "shade"}


@pytest.mark.parametrize(
    "what",
    [
        "another pass",
        # As a server that crashed may have it: the token was safe, the swap was not.
        "UPDATE realms SET generation = generation - 1",
    ],
)
async def test_records_are_read_anew_where_they_may_be_others(
    open_engine: OpenEngine, dsn: str, what: str
) -> None:
    assert await found(open_engine, dsn, KeptRecords(), after=what) == {"a"}


async def test_records_are_used_once_unless_a_pass_leaves_them_again(
    open_engine: OpenEngine, dsn: str
) -> None:
    assert await found(open_engine, dsn, KeptRecords(), times=2) == {"a"}


async def test_no_more_is_kept_than_was_allowed(open_engine: OpenEngine, dsn: str) -> None:
    assert await found(open_engine, dsn, KeptRecords(max_files=1)) == {"a"}
