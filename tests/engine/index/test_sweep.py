"""What passes that never ended have left is cleared away, and nothing else."""

from pathlib import Path

from claims import KIND, cancelled, claimed
from pgvector import HalfVector

from engine.chunk_text import prepare_text
from engine.embedders import HashedEmbedder
from engine.index import live
from engine.index.database import open_database
from engine.index.search import register_embedder
from engine.index.sweep import sweep
from engine.index.working import Fence, Working, WorkingEntry
from engine.sources import Stamp
from engine.visit import DraftChunk


async def test_only_old_rows_of_passes_that_do_not_run_are_swept(dsn: str) -> None:
    embedder = HashedEmbedder()
    prepared = prepare_text("a", "", "text")
    vector = HalfVector((await embedder.embed(["text"]))[0])
    async with open_database(dsn=dsn, home=Path()) as database:
        pool = database.pool
        await live.insert_realm(pool, "r", {"kind": KIND})
        row = await live.find_realm(pool, "r")
        assert row is not None
        claim = await claimed(pool, row.id)
        working = await Working.begin(
            pool,
            row.id,
            Fence(claim.job_id, claim.token),
            embedder_id=await register_embedder(pool, embedder),
            listed_at_ns=0,
        )
        chunk = (DraftChunk("text", 1, 1), prepared)
        stamp = Stamp(4, 1, 1, 1)
        entry = WorkingEntry("a", b"h", stamp, "text", "", (), (), (), None, b"", (chunk,))
        await working.write([entry], {prepared.text_hash: vector})

        assert await sweep(pool, older_than_seconds=0) == 0, "its job runs"
        await cancelled(pool, claim)
        assert await sweep(pool, older_than_seconds=3600) == 0
        assert await pool.fetchval("SELECT count(*) FROM chunks") == 1
        assert await sweep(pool, older_than_seconds=0) == 1
        assert await pool.fetchval("SELECT count(*) FROM chunks") == 0
        assert await pool.fetchval("SELECT count(*) FROM working_entries") == 0
