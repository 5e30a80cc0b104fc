"""Jobs as a program asks for them, waits for them and looks at them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import asyncpg
import pytest
from live_trees import OpenEngine, write_tree

from engine import (
    Condition,
    DraftChunk,
    Engine,
    File,
    Folder,
    Job,
    JobNotFound,
    JobState,
    PassFailed,
    PermanentFailure,
    RealmNotFound,
    Visit,
    VisitContext,
    Work,
)

PATIENCE_SECONDS = 60.0
"""What a test waits for takes no time; this only turns a standstill into a failure."""


class Gate:
    """A visitor whose visits wait until they are let through, and fail if told to."""

    fingerprint = "gate"

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.entered = anyio.Event()
        self.opened = anyio.Event()

    async def visit(self, file: File, context: VisitContext) -> Visit:
        self.entered.set()
        await self.opened.wait()
        return Visit((DraftChunk((await file.read()).decode(), 1, 1),))


class Scripted:
    """A hashed embedder that first raises what it was given, one after another."""

    fingerprint = "scripted"
    dimension = 256

    def __init__(self, *errors: Exception) -> None:
        from engine import HashedEmbedder

        self._hashed = HashedEmbedder()
        self.errors = list(errors)

    async def embed(self, texts: Any) -> Any:
        if self.errors:
            raise self.errors.pop(0)
        return await self._hashed.embed(texts)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", {"a.txt": "one\n", "b.txt": "two\n"})


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while not await look():
            await anyio.lowlevel.checkpoint()


async def reached(job: Job, state: JobState) -> None:
    async def look() -> bool:
        return (await job.refresh()).state is state

    await until(look)


@asynccontextmanager
async def gated(open_engine: OpenEngine, tree: Path, **options: Any) -> AsyncIterator[Any]:
    gate = Gate()
    async with open_engine(visitor=gate, **options) as engine:
        yield engine, gate, await engine.add_realm("r", Folder(tree))
        gate.opened.set()


async def test_requests_join_the_waiting_job_and_one_follows_the_running_one(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with gated(open_engine, tree) as (_, gate, realm):
        first = await realm.index()
        assert not first.joined
        await gate.entered.wait()
        write_tree(tree, {"c.txt": "three\n"})
        followers = [await realm.index() for _ in range(10)]
        assert {job.id for job in followers} == {followers[0].id} != {first.id}
        assert [job.joined for job in followers] == [False] + [True] * 9
        gate.opened.set()
        assert (await first.finished()).files == 2
        assert (await followers[0].finished()).files == 3


async def test_a_request_inside_a_transaction_is_none_until_it_is_committed(
    open_engine: OpenEngine, dsn: str, tree: Path
) -> None:
    async with open_engine() as engine:
        realm = await engine.add_realm("r", Folder(tree))
        connection = await asyncpg.connect(dsn)
        try:
            undone = connection.transaction()
            await undone.start()
            job = await realm.index(connection=connection)
            await undone.rollback()
            with pytest.raises(JobNotFound):
                await engine.job(job.id)
            async with connection.transaction():
                job = await realm.index(connection=connection)
                with pytest.raises(JobNotFound):
                    await engine.job(job.id)
        finally:
            await connection.close()
        assert (await job.finished()).files == 2


async def test_a_cancelled_job_stops_at_once_and_leaves_the_index_alone(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with gated(open_engine, tree) as (engine, gate, realm):
        job = await realm.index()
        await gate.entered.wait()
        assert (await job.cancel()).state is JobState.CANCELLED
        with pytest.raises(PassFailed, match="cancelled"):
            await job.finished()
        await until(lambda: nothing_runs(engine))
        assert (await realm.status()).totals.files == 0
        assert [attempt.outcome for attempt in await job.attempts()] == ["cancelled"]


async def nothing_runs(engine: Engine) -> bool:
    return engine._worker is not None and not engine._worker.running


async def test_cancelling_the_wait_does_not_cancel_the_job(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with gated(open_engine, tree) as (_, gate, realm):
        job = await realm.index()
        await gate.entered.wait()
        with anyio.move_on_after(0.01):
            await job.finished()
        gate.opened.set()
        assert (await job.finished()).visited == 2


async def test_events_tell_every_state_that_a_job_comes_into(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with gated(open_engine, tree) as (engine, gate, realm):
        seen: list[tuple[int, JobState]] = []
        ended = anyio.Event()

        async def listen(*, task_status: anyio.abc.TaskStatus[None]) -> None:
            events = engine.events()
            task_status.started()
            async for job in events:
                seen.append((job.id, job.state))
                if job.state.is_end:
                    ended.set()

        async with anyio.create_task_group() as tasks:
            await tasks.start(listen)
            job = await realm.index()
            await gate.entered.wait()
            gate.opened.set()
            await ended.wait()
            tasks.cancel_scope.cancel()
        assert seen[-1] == (job.id, JobState.SUCCEEDED)
        assert (job.id, JobState.RUNNING) in seen


async def test_jobs_are_listed_newest_first_a_page_at_a_time(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with open_engine() as engine:
        realm = await engine.add_realm("r", Folder(tree))
        other = await engine.add_realm("other", Folder(tree))
        made = []
        for one in (realm, other, realm):
            made.append(await one.index())
            await made[-1].finished()
        ids = [job.id for job in made]
        assert [job.id for job in await engine.jobs()] == ids[::-1]
        assert [job.id for job in await engine.jobs(limit=2)] == ids[:0:-1]
        assert [job.id for job in await engine.jobs(before=ids[1])] == ids[:1]
        assert [job.id for job in await engine.jobs(realm="other")] == ids[1:2]
        assert await engine.jobs(states=[JobState.FAILED]) == []


async def test_a_paused_realm_waits_until_it_is_resumed(
    open_engine: OpenEngine, tree: Path
) -> None:
    # Nobody polls: to resume is to say so.
    async with open_engine(poll_seconds=3_600) as engine:
        realm = await engine.add_realm("r", Folder(tree))
        other = await engine.add_realm("other", Folder(tree))
        await engine.pause("r")
        job = await realm.index()
        await (await other.index()).finished()
        assert (await job.refresh()).state is JobState.PENDING
        assert (await realm.status()).condition is Condition.QUEUED
        await engine.resume("r")
        assert (await job.finished()).files == 2


async def test_a_failed_job_is_asked_for_anew_and_a_waiting_one_hurried(
    open_engine: OpenEngine, tree: Path
) -> None:
    errors = [PermanentFailure("no such model"), OSError("away")]
    options: dict[str, Any] = {"max_attempts": 2, "backoff_seconds": 600}
    async with open_engine(embedder=Scripted(*errors), **options) as engine:
        realm = await engine.add_realm("r", Folder(tree))
        job = await realm.index()
        with pytest.raises(PassFailed, match="no such model"):
            await job.finished()
        again = await engine.retry(job.id)
        assert again.id != job.id
        await reached(again, JobState.PENDING)

        async def has_failed() -> bool:
            return (await again.refresh()).error is not None

        await until(has_failed)
        assert (await engine.retry(again.id)).id == again.id
        assert (await again.finished()).files == 2
        outcomes = [attempt.outcome for attempt in await again.attempts()]
        assert outcomes == ["retry", "succeeded"]


async def test_a_closed_engine_gives_its_jobs_back_uncharged(
    open_engine: OpenEngine, tree: Path
) -> None:
    gate = Gate()
    async with open_engine(visitor=gate) as engine:
        job = await (await engine.add_realm("r", Folder(tree))).index()
        await gate.entered.wait()
    gate.opened.set()
    async with open_engine(visitor=gate) as engine:
        job = await engine.job(job.id)
        assert (await job.finished()).files == 2
        assert [(each.number, each.outcome) for each in await job.attempts()] == [
            (1, "released"),
            (1, "succeeded"),
        ]


async def test_an_engine_that_runs_nothing_leaves_jobs_to_others(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with open_engine(work=Work.NONE) as asking:
        job = await (await asking.add_realm("r", Folder(tree))).index()
        async with open_engine(work=Work.ADDED) as idle:
            await idle.add_realm("other", Folder(tree))
            await (await idle.index("other")).finished()
            assert (await job.refresh()).state is JobState.PENDING
        async with open_engine():
            assert (await job.finished()).files == 2


async def test_a_drained_engine_ends_what_runs_and_begins_no_more(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with gated(open_engine, tree) as (engine, gate, realm):
        job = await realm.index()
        await gate.entered.wait()
        engine.drain()
        later = await realm.index()
        gate.opened.set()
        await job.finished()
        await until(lambda: nothing_runs(engine))
        assert (await later.refresh()).state is JobState.PENDING


async def test_what_follows_the_last_job_of_a_drained_engine_is_begun_by_another_at_once(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with gated(open_engine, tree, poll_seconds=3600) as (engine, gate, realm):
        await realm.index()
        await gate.entered.wait()
        async with open_engine(visitor=Gate(), poll_seconds=3600) as other:
            follow = await other.job((await realm.index()).id)
            engine.drain()
            gate.opened.set()
            await reached(follow, JobState.SUCCEEDED)


async def test_unknown_realms_and_jobs_are_said_to_be_unknown(open_engine: OpenEngine) -> None:
    async with open_engine(work=Work.NONE) as engine:
        with pytest.raises(RealmNotFound):
            await engine.index("nowhere")
        with pytest.raises(JobNotFound, match="job 7"):
            await engine.job(7)
        with pytest.raises(JobNotFound):
            await engine.retry(2**40)


async def test_a_realm_tells_in_words_what_it_is_about(open_engine: OpenEngine, tree: Path) -> None:
    gate = Gate()
    async with open_engine(visitor=gate, max_attempts=2, backoff_seconds=3600) as engine:
        realm = await engine.add_realm("r", Folder(tree))

        async def label() -> str:
            return (await realm.status()).label

        async def says(expected: str) -> None:
            async def look() -> bool:
                return await label() == expected

            await until(look)

        assert await label() == "not indexed"
        await engine.pause("r")
        job = await realm.index()
        assert await label() == "queued"
        await engine.resume("r")
        await gate.entered.wait()
        await says("indexing 0/2")
        gate.opened.set()
        await job.finished()
        assert await label() == "indexed 2/2"
        write_tree(tree, {"a.txt": None, "b.txt": None})
        await (await realm.index()).finished()
        assert await label() == "empty"


async def test_a_realm_that_is_tried_again_tells_why_and_when(
    open_engine: OpenEngine, tree: Path
) -> None:
    embedder = Scripted(OSError("the provider is away"))
    async with open_engine(embedder=embedder, max_attempts=2, backoff_seconds=600) as engine:
        realm = await engine.add_realm("r", Folder(tree))
        job = await realm.index()

        async def is_retrying() -> bool:
            return (await realm.status()).condition is Condition.RETRYING

        await until(is_retrying)
        status = await realm.status()
        assert (status.label, status.error) == ("retrying (1 try)", "OSError: the provider is away")
        assert status.job is not None
        assert (status.job.due_at - status.job.enqueued_at).total_seconds() >= 600
        await engine.retry(job.id)
        assert (await job.finished()).files == 2
        assert (await realm.status()).error is None


async def test_a_realm_that_failed_says_so_and_keeps_what_was_indexed(
    open_engine: OpenEngine, tree: Path
) -> None:
    embedder = Scripted()
    async with open_engine(embedder=embedder, max_attempts=2, backoff_seconds=0.01) as engine:
        realm = await engine.add_realm("r", Folder(tree))
        await (await realm.index()).finished()
        embedder.errors += [OSError("the provider is away")] * 2
        write_tree(tree, {"a.txt": "another one\n"})
        job = await realm.index()
        with pytest.raises(PassFailed, match="the provider is away; tried 2 times"):
            await job.finished()
        status = await realm.status()
        assert (status.label, status.totals.files) == ("failed", 2)
        assert [attempt.outcome for attempt in await job.attempts()] == ["retry", "failed"]
