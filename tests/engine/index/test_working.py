"""Working rows, the fence in front of every write, and the swap."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import anyio
import asyncpg
import pytest
from claims import KIND, LEASE_SECONDS, ClaimedPass, cancelled, claimed, lost
from pgvector import HalfVector

from engine.chunk_text import prepare_text
from engine.embedders import HashedEmbedder
from engine.errors import StalePass
from engine.index import live
from engine.index.database import MIGRATIONS, Queryable, migrate, open_database
from engine.index.search import register_embedder
from engine.index.sweep import sweep
from engine.index.working import (
    FailedEntry,
    Fence,
    LiveChunks,
    SwapOrder,
    Working,
    WorkingEntry,
)
from engine.jobs import Claim, store
from engine.jobs.store import Beat
from engine.report import Progress
from engine.sources import Stamp
from engine.visit import DraftChunk

TakeAway: TypeAlias = Callable[[Queryable, Claim], Awaitable[None]]

NOTHING = SwapOrder("recipe", "")
STAMP = Stamp(5, 1, 1, 1)


def _entry(key: str, text: str) -> WorkingEntry:
    chunk = (DraftChunk(text, 1, 1), prepare_text(key, "", text))
    return WorkingEntry(key, text.encode(), STAMP, "text", "f", (), (), (), None, b"", (chunk,))


class Bench:
    """A realm, and passes over it."""

    def __init__(self, pool: asyncpg.Pool, realm_id: int, embedder_id: int) -> None:
        self.pool, self.realm_id, self.embedder_id = pool, realm_id, embedder_id
        self.embedder = HashedEmbedder()

    @classmethod
    async def on(cls, pool: asyncpg.Pool) -> "Bench":
        await live.insert_realm(pool, "r", {"kind": KIND})
        row = await live.find_realm(pool, "r")
        assert row is not None
        return cls(pool, row.id, await register_embedder(pool, HashedEmbedder()))

    async def begin(self) -> ClaimedPass:
        """A pass under a new claim; who had the realm's job before has lost it."""
        await store.cancel_all(self.pool, self.realm_id)
        return await self.begin_under(await claimed(self.pool, self.realm_id))

    async def begin_under(self, claim: Claim) -> ClaimedPass:
        fence = Fence(claim.job_id, claim.token)
        working = await Working.begin(
            self.pool, self.realm_id, fence, embedder_id=self.embedder_id, listed_at_ns=10
        )
        return ClaimedPass(working, fence)

    async def write(self, begun: ClaimedPass, *entries: WorkingEntry) -> None:
        texts = {p.text_hash: d.text for entry in entries for d, p in entry.chunks}
        rows = await self.embedder.embed(list(texts.values()))
        await begun.working.write(entries, dict(zip(texts, map(HalfVector, rows), strict=True)))

    async def live_texts(self) -> dict[str, str]:
        rows = await self.pool.fetch(
            "SELECT key, text FROM entries LEFT JOIN chunks USING (version) ORDER BY key"
        )
        return {row["key"]: row["text"] for row in rows}

    async def count(self, table: str) -> int:
        return int(await self.pool.fetchval(f"SELECT count(*) FROM {table}"))


async def test_working_rows_are_invisible_until_the_swap(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        working = await bench.begin()
        await bench.write(working, _entry("a", "first"))
        assert await bench.live_texts() == {}
        assert await working.swap(NOTHING) == 1
        assert await bench.live_texts() == {"a": "first"}


async def test_a_swap_replaces_deletes_and_leaves_the_rest(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        first = await bench.begin()
        await bench.write(first, _entry("a", "a1"), _entry("b", "b1"), _entry("c", "c1"))
        await first.swap(NOTHING)
        second = await bench.begin()
        await bench.write(second, _entry("b", "b2"))
        assert await second.swap(SwapOrder("recipe", "", ("c",))) == 2
        assert await bench.live_texts() == {"a": "a1", "b": "b2"}
        assert await bench.count("chunks") == 2
        assert await bench.count("working_entries") == 0


async def test_a_pass_that_was_taken_over_can_neither_write_nor_swap(dsn: str) -> None:
    # 1. A begins and writes.  2. B begins, writes and swaps.  3. A wakes up.
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        stale = await bench.begin()
        await bench.write(stale, _entry("a", "of the stale pass"))
        fresh = await bench.begin()
        await bench.write(fresh, _entry("a", "of the fresh pass"))
        await fresh.swap(NOTHING)
        await _changes_nothing(bench, stale)
        assert await bench.live_texts() == {"a": "of the fresh pass"}
        assert await bench.count("chunks") == 1


@pytest.mark.parametrize("take_away", [cancelled, lost])
async def test_a_pass_whose_job_was_taken_away_changes_nothing_though_nobody_has_it_yet(
    dsn: str, take_away: TakeAway
) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        first = await bench.begin()
        await bench.write(first, _entry("a", "live"))
        await first.swap(NOTHING)
        claim = await claimed(bench.pool, bench.realm_id)
        stale = await bench.begin_under(claim)
        await bench.write(stale, _entry("a", "of the stale pass"))
        await take_away(bench.pool, claim)
        await _changes_nothing(bench, stale)
        with pytest.raises(StalePass):
            await bench.begin_under(claim)
        assert await bench.live_texts() == {"a": "live"}
        # The job's next claim has another token, and all that was written is there for it.
        await bench.begin_under(await claimed(bench.pool, bench.realm_id))
        await _changes_nothing(bench, stale)
        assert await bench.count("working_entries") == 1


async def test_a_pass_is_taken_over_by_the_next_one_of_the_same_claim(dsn: str) -> None:
    """A snapshot that moved is taken again, by a pass of its own."""
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        claim = await claimed(bench.pool, bench.realm_id)
        first = await bench.begin_under(claim)
        second = await bench.begin_under(claim)
        await _changes_nothing(bench, first)
        await bench.write(second, _entry("a", "second"))
        assert await second.swap(NOTHING) == 1


async def _changes_nothing(bench: Bench, stale: ClaimedPass) -> None:
    with pytest.raises(StalePass):
        await bench.write(stale, _entry("b", "late"))
    with pytest.raises(StalePass):
        await stale.working.write_failed([FailedEntry("a", b"", STAMP, "", "", "late", retry=True)])
    with pytest.raises(StalePass):
        await stale.touch(NOTHING)
    with pytest.raises(StalePass):
        await stale.swap(SwapOrder("recipe", "", ("a",)))


@pytest.mark.parametrize("take_away", [cancelled, lost])
async def test_who_takes_a_job_away_waits_for_the_write_in_progress_and_a_heartbeat_does_not(
    dsn: str, take_away: TakeAway
) -> None:
    """The fence holds for the whole transaction of a write, not for its first statement."""
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        claim = await claimed(bench.pool, bench.realm_id)
        begun = await bench.begin_under(claim)
        taken = anyio.Event()

        async def take() -> None:
            await take_away(bench.pool, claim)
            taken.set()

        async with anyio.create_task_group() as tasks:
            async with begun.working._fenced():
                tasks.start_soon(take)
                with anyio.move_on_after(0.3):
                    await taken.wait()
                assert not taken.is_set()
                await _beats(database.brisk, claim)
            await taken.wait()


async def _beats(database: Queryable, claim: Claim) -> None:
    beat = Beat(claim.job_id, claim.token, Progress(), moved=False)
    assert await store.beat(database, [beat], lease_seconds=LEASE_SECONDS) == {claim.token}


async def test_the_next_pass_waits_for_the_write_in_progress(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        claim = await claimed(bench.pool, bench.realm_id)
        working = (await bench.begin_under(claim)).working
        began = anyio.Event()

        async def take_over() -> None:
            await bench.begin_under(claim)
            began.set()

        async with anyio.create_task_group() as tasks:
            async with working._fenced():
                tasks.start_soon(take_over)
                with anyio.move_on_after(0.3):
                    await began.wait()
                assert not began.is_set()
            await began.wait()


async def test_a_failed_visit_keeps_what_the_last_good_one_left(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        first = await bench.begin()
        await bench.write(first, _entry("a", "good"))
        await first.swap(NOTHING)
        second = await bench.begin()
        failed = [
            FailedEntry("a", b"x", STAMP, "text", "", "it broke", retry=True),
            FailedEntry("new", b"y", STAMP, "text", "", "it never worked", retry=False),
        ]
        await second.working.write_failed(failed)
        await second.swap(NOTHING)
        assert await bench.live_texts() == {"a": "good", "new": None}
        assert dict(await live.error_entries(bench.pool, bench.realm_id)) == {
            "a": "it broke",
            "new": "it never worked",
        }
        third = await bench.begin()
        await bench.write(third, _entry("a", "healed"))
        await third.swap(NOTHING)
        assert (await bench.live_texts())["a"] == "healed"
        assert await bench.count("chunks") == 1


async def _keep(bench: Bench, claimed: ClaimedPass, key: str) -> None:
    """The visit of a file came to what the live index has."""
    row = await bench.pool.fetchrow("SELECT version, chunk_count FROM entries WHERE key = $1", key)
    entry = _entry(key, "live")._replace(chunks=(), keeps=LiveChunks(*row), inputs=b"kept")
    await bench.write(claimed, entry)


async def test_chunks_that_unfinished_passes_kept_stay_until_they_are_replaced(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        first = await bench.begin()
        await bench.write(first, _entry("a", "live"), _entry("b", "live"), _entry("c", "live"))
        await first.swap(NOTHING)
        for _ in range(2):
            dead = await bench.begin()
            for key in ("a", "b", "c"):
                await _keep(bench, dead, key)
        await store.cancel_all(bench.pool, bench.realm_id)
        assert await sweep(bench.pool, older_than_seconds=0) == 1
        assert await bench.live_texts() == dict.fromkeys("abc", "live")
        for _ in range(2):
            dead = await bench.begin()
            for key in ("a", "b", "c"):
                await _keep(bench, dead, key)
        last = await bench.begin()
        await _keep(bench, last, "a")
        await bench.write(last, _entry("b", "another"))
        await last.swap(SwapOrder("recipe", "", ("c",)))
        assert await bench.live_texts() == {"a": "live", "b": "another"}
        assert await bench.count("chunks") == 2
        assert await bench.count("working_entries") == 0


async def test_of_many_passes_that_kept_the_same_chunks_one_row_is_taken_over(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        first = await bench.begin()
        await bench.write(first, _entry("a", "live"))
        await first.swap(NOTHING)
        for _ in range(2):
            await _keep(bench, await bench.begin(), "a")
        last = await bench.begin()
        candidates = await last.working.candidates(["a"])
        assert len(candidates) == 2
        await last.working.adopt([(candidates[0], STAMP)])
        await last.swap(NOTHING)
        assert await bench.live_texts() == {"a": "live"}
        assert await bench.count("working_entries") == 0


async def test_what_unfinished_passes_left_goes_with_the_next_swap(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        dead = await bench.begin()
        await bench.write(dead, _entry("a", "dead"), _entry("b", "dead too"))
        working = await bench.begin()
        await bench.write(working, _entry("a", "alive"))
        await working.swap(NOTHING)
        assert await bench.count("working_entries") == 0
        assert await bench.count("chunks") == 1


async def test_a_pass_over_a_deleted_realm_writes_nothing_more(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        working = await bench.begin()
        await bench.write(working, _entry("a", "before"))
        async with bench.pool.acquire() as connection:
            await live.delete_realm(connection, bench.realm_id)
        with pytest.raises(StalePass):
            await bench.write(working, _entry("b", "after"))
        with pytest.raises(StalePass):
            await working.swap(NOTHING)
        assert await bench.count("chunks") == 0
        assert await bench.count("working_entries") == 0


async def test_history_is_bounded(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        bench = await Bench.on(database.pool)
        for _ in range(55):
            begun = await bench.begin()
            await begun.working.finish(error=None, report={"seconds": 1})
        assert await bench.count("passes") == 50


async def test_any_number_of_processes_may_migrate_at_once(dsn: str) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(migrate, dsn)
    connection = await asyncpg.connect(dsn)
    numbers = await connection.fetch("SELECT number FROM widthwise_schema ORDER BY number")
    await connection.close()
    assert [row["number"] for row in numbers] == [number for number, _, _ in MIGRATIONS]
