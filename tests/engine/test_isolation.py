"""Where jobs run by default, and what can't go there."""

from pathlib import Path

import anyio
import pytest
from live_trees import OpenEngine, write_tree

from engine import BadSetting, Folder, HashedEmbedder, Isolation, JobState, Work

PATIENCE_SECONDS = 60.0
"""What a test waits for takes seconds; this only turns a standstill into a failure."""


class Elsewhere(Folder):
    """A source that only the process that made it can open."""

    def describe(self) -> dict[str, str]:
        return {"kind": "elsewhere"}


async def test_what_exists_in_this_process_only_is_refused_by_jobs_in_another(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    with pytest.raises(BadSetting, match="exist in this process only"):
        async with open_engine(isolation=Isolation.PROCESS, embedder=HashedEmbedder()):
            pass
    async with open_engine(isolation=Isolation.PROCESS, work=Work.NONE) as engine:
        with pytest.raises(BadSetting, match="'elsewhere'"):
            await engine.add_realm("r", Elsewhere(tmp_path))


async def test_a_source_that_was_handed_in_is_indexed_where_it_is(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"a.txt": "one\n"})
    async with open_engine(isolation=Isolation.AUTO, embedder=HashedEmbedder()) as engine:
        realm = await engine.add_realm("r", Elsewhere(tmp_path))
        with anyio.fail_after(PATIENCE_SECONDS):
            assert (await (await realm.index()).finished()).files == 1


async def test_a_drained_engine_lets_its_worker_process_begin_nothing_more(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"a.txt": "one\n"})
    async with open_engine(isolation=Isolation.PROCESS) as engine:
        realm = await engine.add_realm("r", Folder(tmp_path))
        with anyio.fail_after(PATIENCE_SECONDS):
            await (await realm.index()).finished()
            engine.drain()
            while engine._worker is not None and engine._worker.pid is not None:
                await anyio.lowlevel.checkpoint()
            assert (await realm.index()).state is JobState.PENDING
