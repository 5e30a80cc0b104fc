"""What every executor promises."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import anyio
import pytest
import work_for_executors as work

from benchmarks.dask_cluster import Cluster
from engine.executors import Executor, Overflow, Threads, worker_processes

Open = Callable[[], AbstractAsyncContextManager[Executor]]


@asynccontextmanager
async def _threads() -> AsyncIterator[Executor]:
    yield Threads(limit=2)


@asynccontextmanager
async def _processes() -> AsyncIterator[Executor]:
    async with worker_processes(2) as executor:
        yield executor


@asynccontextmanager
async def _overflow() -> AsyncIterator[Executor]:
    async with worker_processes(1) as executor:
        yield Overflow(Threads(limit=1), executor, room=8)


def _dask(cluster: Cluster) -> Open:
    from engine.executors.dask import dask_executor

    return partial(dask_executor, cluster.address)


@pytest.fixture(params=["threads", "processes", "overflow", "dask"])
def executing(request: pytest.FixtureRequest) -> Open:
    if request.param == "dask":
        return _dask(request.getfixturevalue("cluster"))
    own = {"threads": _threads, "processes": _processes, "overflow": _overflow}
    return own[request.param]


async def test_each_item_gets_its_own_result(executing: Open) -> None:
    results: dict[int, int] = {}

    async def one(number: int) -> None:
        results[number] = await executor.run(work.square, number)

    async with executing() as executor, anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(one, number)
    assert results == {number: number * number for number in range(200)}


async def test_what_the_function_raises_is_raised_to_its_caller_alone(executing: Open) -> None:
    async with executing() as executor:
        with pytest.raises(ValueError, match="no 3"):
            await executor.run(work.refuse, 3)
        assert await executor.run(work.square, 3) == 9


async def test_printing_does_not_disturb_results(executing: Open) -> None:
    async with executing() as executor:
        assert [await executor.run(work.chatter, number) for number in range(5)] == [0, 1, 2, 3, 4]


async def test_a_cancelled_call_leaves_the_executor_usable(executing: Open) -> None:
    async with executing() as executor:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await executor.run(work.square, 1)
        assert scope.cancelled_caught
        assert await executor.run(work.square, 2) == 4
