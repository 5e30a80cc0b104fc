"""What a pass that never ended has paid for is not paid for again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest
from live_trees import OpenEngine, live_rows, write_tree

from engine import Engine, Folder, HashedEmbedder, PassFailed, PassReport
from engine.embedders import Vectors

FILES = {f"m{n:03}.py": f"import m{n - 1:03}\n\n\ndef f{n}(): ...\n" for n in range(200)}


class Fuse(HashedEmbedder):
    """Stops answering after some texts, once the first of them are stored, until it is mended.

    It breaks with an error, or with `hangs` it says nothing at all.
    """

    left = 10_000
    texts = 0

    def __init__(self, dsn: str, *, hangs: bool = False) -> None:
        super().__init__()
        self._dsn = dsn
        self._hangs = hangs
        self.hung = anyio.Event()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.left -= len(texts)
        if self.left < 0:
            await self._first_group_stored()
            if self._hangs:
                self.hung.set()
                await anyio.sleep_forever()
            raise ConnectionError("the provider went away")
        self.texts += len(texts)
        return await super().embed(texts)

    async def _first_group_stored(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            with anyio.fail_after(30):
                while not await connection.fetchval("SELECT count(*) FROM working_entries"):
                    pass
        finally:
            await connection.close()


async def _index(engine: Engine, root: Path, **options: Any) -> PassReport:
    realm = await engine.add_realm("r", Folder(root))
    return await (await realm.index(**options)).finished()


async def test_the_next_pass_takes_over_what_was_written(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path / "t", FILES)
    embedder = Fuse(dsn)
    async with open_engine(embedder=embedder) as engine:
        embedder.left = 150
        with pytest.raises(PassFailed, match=r"r: ConnectionError: .*went away"):
            await _index(engine, root)
        assert await live_rows(dsn, "r") == []
        embedder.left = 10_000
        report = await _index(engine, root)
        assert report.reused >= 64
        assert report.reused + report.visited == 200
        assert embedder.texts <= 200 + 32 * 8
        fresh = await engine.add_realm("fresh", Folder(root))
        await (await fresh.index()).finished()
    assert await live_rows(dsn, "r") == await live_rows(dsn, "fresh")


async def test_what_was_written_of_another_state_is_not_taken_over(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    """Another content, or another definition behind the same content, is another visit."""
    root = write_tree(tmp_path / "t", FILES)
    embedder = Fuse(dsn)
    async with open_engine(embedder=embedder) as engine:
        embedder.left = 150
        with pytest.raises(PassFailed, match="ConnectionError"):
            await _index(engine, root)
        embedder.left = 10_000
        write_tree(root, {f"m{n:03}.py": f"def f{n}(changed): ...\n" for n in range(0, 200, 2)})
        report = await _index(engine, root)
        assert report.reused == 0
        fresh = await engine.add_realm("fresh", Folder(root))
        await (await fresh.index()).finished()
    assert await live_rows(dsn, "r") == await live_rows(dsn, "fresh")


async def test_a_cancelled_pass_is_taken_up_where_it_was(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path / "t", FILES)
    embedder = Fuse(dsn, hangs=True)
    embedder.left = 150
    async with open_engine(embedder=embedder) as engine:
        realm = await engine.add_realm("r", Folder(root))
        job = await realm.index()
        with anyio.fail_after(60):
            await embedder.hung.wait()
        await job.cancel()
        with pytest.raises(PassFailed, match="cancelled"):
            await job.finished()
        embedder.left = 10_000
        report = await _index(engine, root)
    assert report.reused > 0
    assert report.errors == 0
