"""A realm that is deleted while its jobs wait, run, write and swap."""

from uuid import UUID, uuid4

import anyio
import asyncpg
import pytest
from job_bench import LIMIT, Bench, until_blocked

from engine.index import live
from engine.index.database import Connection
from engine.index.sql import query
from engine.jobs import SUCCESS, Claim, store
from engine.jobs.state import Released


async def begun(bench: Bench) -> tuple[Claim, UUID]:
    claim = await bench.begun(await bench.realm("r"))
    token = uuid4()
    arguments = (claim.realm_id, token, claim.job_id, claim.token)
    await bench.pool.fetchval(query("begin_pass"), *arguments)
    return claim, token


async def write(connection: Connection, claim: Claim, token: UUID) -> bool:
    """A row of the pass, if the fence lets it."""
    fence = (claim.realm_id, token, claim.job_id, claim.token)
    if await connection.fetchval(query("fence"), *fence) is None:
        return False
    version = await connection.fetchval("SELECT nextval('versions')")
    await connection.execute(
        "INSERT INTO chunks VALUES ($1, $2, 0, 1, 1, 1, '', '', '', '{}', '', '', '[1]')",
        claim.realm_id,
        version,
    )
    return True


async def rows_left(bench: Bench) -> int:
    return int(
        await bench.pool.fetchval(
            "SELECT (SELECT count(*) FROM chunks) + (SELECT count(*) FROM realms)"
            " + (SELECT count(*) FROM passes) + (SELECT count(*) FROM working_entries)"
        )
    )


async def test_the_jobs_of_a_deleted_realm_are_cancelled_and_remembered(bench: Bench) -> None:
    claim, token = await begun(bench)
    (follow_up,) = await bench.enqueue(claim.realm_id)
    async with bench.pool.acquire() as connection:
        await live.delete_realm(connection, claim.realm_id)
    assert await bench.states() == {claim.job_id: "cancelled", follow_up: "cancelled"}
    row = await store.find(bench.pool, claim.job_id)
    assert row is not None
    assert row.realm == "r"
    assert not await write(bench.pool, claim, token)
    assert await bench.settle(claim, Released()) is None
    assert await bench.beat(claim) == frozenset()
    assert await rows_left(bench) == 0


async def test_a_deletion_waits_for_the_write_under_way_and_takes_it_along(bench: Bench) -> None:
    claim, token = await begun(bench)
    writer, deleter = await bench.connect(), await bench.connect()
    async with anyio.create_task_group() as tasks, writer.transaction():
        assert await write(writer, claim, token)
        tasks.start_soon(live.delete_realm, deleter, claim.realm_id)
        await until_blocked(bench, deleter)
        assert await write(writer, claim, token)
    assert await rows_left(bench) == 0
    assert not await write(writer, claim, token)


async def test_a_write_waits_for_the_deletion_under_way_and_writes_nothing(bench: Bench) -> None:
    claim, token = await begun(bench)
    writer, deleter = await bench.connect(), await bench.connect()
    written: list[bool] = []

    async def write_one() -> None:
        async with writer.transaction():
            written.append(await write(writer, claim, token))

    async with anyio.create_task_group() as tasks, deleter.transaction():
        await live.delete_realm(deleter, claim.realm_id)
        tasks.start_soon(write_one)
        await until_blocked(bench, writer)
    assert written == [False]
    assert await rows_left(bench) == 0


async def swap(connection: Connection, claim: Claim, token: UUID) -> None:
    """The statements of a swap that lock something, in their order."""
    async with connection.transaction():
        if await connection.fetchval(query("fence_for_swap"), claim.realm_id, token) is None:
            return
        await connection.execute(query("finish_pass"), token, None, None, None)
        await store.settle(connection, claim.job_id, claim.token, SUCCESS)


async def test_passes_and_a_deletion_never_wait_in_a_circle(bench: Bench) -> None:
    """Writes, a swap, beats, requests and the deletion, all at once and again and again."""
    sessions = [await bench.connect() for _ in range(5)]
    for _ in range(15):
        claim, token = await begun(bench)

        async def keep_writing(claim: Claim = claim, token: UUID = token) -> None:
            for _ in range(4):
                async with sessions[0].transaction():
                    if not await write(sessions[0], claim, token):
                        return

        async def request(claim: Claim = claim) -> None:
            # One that comes a moment too late finds no realm to refer to.
            try:
                await store.enqueue(sessions[1], [claim.realm_id], max_attempts=LIMIT)
            except asyncpg.ForeignKeyViolationError:
                pytest.fail("a realm that is gone is no error, wherever the request is by then")

        async def beat(claim: Claim = claim) -> None:
            await bench.beat(claim, database=sessions[2])

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(keep_writing)
                tasks.start_soon(request)
                tasks.start_soon(beat)
                tasks.start_soon(swap, sessions[3], claim, token)
                tasks.start_soon(live.delete_realm, sessions[4], claim.realm_id)
        assert await rows_left(bench) == 0
        assert set((await bench.states()).values()) <= {"cancelled", "succeeded"}


async def test_a_request_that_meets_a_deletion_finds_no_realm(bench: Bench) -> None:
    realm, other = [await bench.realm(name) for name in "ab"]
    asker, deleter = await bench.connect(), await bench.connect()
    asked: list[int] = []

    async def request() -> None:
        asked.extend(await bench.enqueue(realm, other, database=asker))

    async with anyio.create_task_group() as tasks, deleter.transaction():
        await live.delete_realm(deleter, realm)
        tasks.start_soon(request)
        await until_blocked(bench, asker)
    assert [(await bench.job(job_id))["realm_id"] for job_id in asked] == [other]
