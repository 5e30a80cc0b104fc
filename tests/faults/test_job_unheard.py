"""A claim that commits while its answer is lost is given back, and not held for its lease."""

from pathlib import Path

import anyio
import anyio.lowlevel
import asyncpg
import pytest
from live_trees import write_tree
from tcp_proxy import proxied

from engine import Engine, Folder, Isolation, Settings
from engine.jobs import Reach, store

PATIENCE_SECONDS = 60.0
"""What a test waits for takes no time; this only turns a standstill into a failure."""

LEASE_SECONDS = 600.0


async def test_a_claim_whose_answer_was_lost_is_given_back_long_before_its_lease_is_over(
    dsn: str,
    connection: "asyncpg.Connection[asyncpg.Record]",
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tree = write_tree(tmp_path / "tree", {"a.txt": "one\n"})
    async with proxied(dsn) as proxy:
        settings = Settings(
            home=tmp_path,
            dsn=proxy.dsn,
            embedder="hashed",
            isolation=Isolation.INLINE,
            poll_seconds=0.1,
            lease_seconds=LEASE_SECONDS,
        )
        with anyio.fail_after(PATIENCE_SECONDS):
            async with Engine.open(settings) as engine:
                realm = await engine.add_realm("r", Folder(tree))
                # As its worker's own claim, of which it never hears.
                async with connection.transaction():
                    job = await realm.index(connection=connection)
                    worker_id = await connection.fetchval("SELECT id FROM workers")
                    await store.claim(
                        connection,
                        worker_id,
                        Reach(("folder",)),
                        lease_seconds=LEASE_SECONDS,
                        limit=1,
                    )
                # Only what claims is cut off: the heart goes on.
                proxy.refuse()
                proxy.cut(saying=b"force_generic_plan")
                while "cannot claim" not in caplog.text:
                    await anyio.lowlevel.checkpoint()
                proxy.accept()
                assert (await job.finished()).files == 1
                outcomes = [(each.number, each.outcome) for each in await job.attempts()]
                assert outcomes == [(1, "released"), (1, "succeeded")]
