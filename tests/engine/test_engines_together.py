"""Two engines on one database: a realm has one pass at a time, whoever runs it."""

from pathlib import Path

import anyio
import pytest
from live_trees import OpenEngine, live_rows, write_tree

from engine import DraftChunk, File, Folder, JobState, Visit, VisitContext, Work

PATIENCE_SECONDS = 30.0
HELD = "held.txt"


class Gate:
    """One chunk a file; visits of one file wait to be let go, and are counted."""

    fingerprint = "gate"

    def __init__(self) -> None:
        self.begun, self.let_go = anyio.Event(), anyio.Event()
        self.inside = self.most = 0

    async def visit(self, file: File, context: VisitContext) -> Visit:
        if file.key == HELD:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.begun.set()
            await self.let_go.wait()
            self.inside -= 1
        return Visit((DraftChunk((await file.read()).decode(), 1, 1),))


@pytest.mark.parametrize("asked", ["the one that runs it", "the other one"])
async def test_one_runs_the_realm_and_the_follow_up_waits_while_the_other_is_free(
    open_engine: OpenEngine, tmp_path: Path, dsn: str, asked: str
) -> None:
    gate = Gate()
    root = write_tree(tmp_path / "t", {HELD: "first", "a.txt": "a"})
    other = write_tree(tmp_path / "o", {"b.txt": "b"})
    async with open_engine(visitor=gate) as one, open_engine(visitor=gate) as two:
        for engine in (one, two):
            await engine.add_realm("r", Folder(root))
            await engine.add_realm("other", Folder(other))
        first = await one.index("r")
        with anyio.fail_after(PATIENCE_SECONDS):
            await gate.begun.wait()
            follow_up = await (one if asked == "the one that runs it" else two).index("r")
            # Asked for behind it, and there is one engine left to run it.
            elsewhere = await (await two.index("other")).finished()
        states = [(await job.refresh()).state for job in (first, follow_up)]
        assert elsewhere.visited == 1
        assert states == [JobState.RUNNING, JobState.PENDING]
        write_tree(root, {HELD: "second"})
        gate.let_go.set()
        with anyio.fail_after(PATIENCE_SECONDS):
            assert (await first.finished()).visited == 2
            # One that was read before the edit is seen by the pass that follows, if not by this.
            report = await follow_up.finished()
    rows = {row["key"]: row["chunks"][0]["text"] for row in await live_rows(dsn, "r")}
    assert rows == {HELD: "second", "a.txt": "a"}
    assert report.visited <= 1
    assert gate.most == 1


async def test_an_engine_that_runs_only_its_own_realms_leaves_the_others(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "t", {"a.txt": "a"})
    async with open_engine(work=Work.NONE) as asking, open_engine(work=Work.ADDED) as own:
        await asking.add_realm("theirs", Folder(root))
        waiting = await asking.index("theirs")
        mine = await own.add_realm("mine", Folder(root))
        with anyio.fail_after(PATIENCE_SECONDS):
            await (await mine.index()).finished()
            assert (await waiting.refresh()).state is JobState.PENDING
            async with open_engine():
                assert (await waiting.finished()).visited == 1
