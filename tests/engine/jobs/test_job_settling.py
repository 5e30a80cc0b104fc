"""The end of a claim while its pass swaps: one of the two comes first, and none waits for ever."""

from uuid import UUID, uuid4

import anyio
import asyncpg
import pytest
from job_bench import Bench, TakeOut, guards

from engine.index.database import Connection
from engine.index.sql import query
from engine.jobs import SUCCESS, Claim, store
from engine.jobs.state import Released

SKIP = "FOR UPDATE OF passes SKIP LOCKED"

ends = pytest.mark.parametrize("end", ["cancel_jobs", "settle_job"])


async def begun(bench: Bench) -> tuple[Claim, UUID]:
    claim = await bench.begun(await bench.realm("r"))
    token = uuid4()
    arguments = (claim.realm_id, token, claim.job_id, claim.token)
    await bench.pool.fetchval(query("begin_pass"), *arguments)
    return claim, token


async def ended(bench: Bench, end: str, claim: Claim, connection: Connection) -> bool:
    if end == "cancel_jobs":
        return await store.cancel(connection, claim.job_id)
    return await bench.settle(claim, Released(), database=connection) is not None


@guards
@ends
async def test_a_swap_and_the_end_of_its_claim_do_not_wait_in_a_circle(
    bench: Bench, take_out: TakeOut, end: str, guarded: bool
) -> None:
    """1. A swap has written the pass's line. 2. Another ends the claim, and has the job.
    3. The swap comes for the job, the other for the line.
    """
    if not guarded:
        take_out(end, SKIP, "FOR UPDATE OF passes")
    claim, token = await begun(bench)
    swapper, other = await bench.connect(), await bench.connect()
    finished = anyio.Event()
    failures: list[BaseException] = []

    async def act() -> None:
        try:
            assert await ended(bench, end, claim, other)
        except asyncpg.DeadlockDetectedError as error:
            failures.append(error)
        finished.set()

    async def swap(tasks: anyio.abc.TaskGroup) -> None:
        transaction = swapper.transaction()
        await transaction.start()
        await swapper.fetchval(query("fence_for_swap"), claim.realm_id, token)
        await swapper.execute(query("finish_pass"), token, None, None, None)
        tasks.start_soon(act)
        with anyio.move_on_after(20 if guarded else 0.3):
            await finished.wait()
        try:
            state = await store.settle(swapper, claim.job_id, claim.token, SUCCESS)
            assert state is None or not guarded
        except asyncpg.DeadlockDetectedError as error:
            failures.append(error)
        await transaction.rollback()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            await swap(tasks)
    assert (failures == []) == guarded


@ends
async def test_the_end_of_a_claim_waits_for_the_swap_that_has_the_job(
    bench: Bench, end: str
) -> None:
    claim, _ = await begun(bench)
    swapper, other = await bench.connect(), await bench.connect()
    answers: list[bool] = []

    async def act() -> None:
        answers.append(await ended(bench, end, claim, other))

    async with anyio.create_task_group() as tasks, swapper.transaction():
        assert await store.settle(swapper, claim.job_id, claim.token, SUCCESS)
        tasks.start_soon(act)
    assert answers == [False]
    assert await bench.states() == {claim.job_id: "succeeded"}
