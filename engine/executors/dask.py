"""Runs work on a Dask cluster. Knows what it was given, not what that means.

A batch is one task of the scheduler's. Its worker may die: the scheduler has another try, as
often as it allows failures, and then each call of the batch is tried alone. So what runs here
may run more than once, and a call that kills its workers is found.
"""

import logging
import pickle
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import anyio
import dask
from anyio.abc import TaskGroup
from distributed import Client, KilledWorker, Security

from engine.errors import ExecutorFailed
from engine.executors.calls import Call, Calls
from engine.executors.executor import Item, Result
from engine.executors.performing import interrupt, perform

log = logging.getLogger("widthwise.executors")

BATCH: Final = 64

# So many batches for each thread of the cluster: one that runs, one that is on its way. A journey
# takes some 20 ms, so what is done sooner needs more of them.
BATCHES_AHEAD: Final = 2
MIN_IN_FLIGHT: Final = 16
MAX_IN_FLIGHT: Final = 256

CONNECT_SECONDS: Final = 10.0
WATCH_SECONDS: Final = 2.0

# How long the scheduler may say nothing, and how long there may be no worker at all.
SILENT_SECONDS: Final = 30.0
FORSAKEN_SECONDS: Final = 60.0

# How long it may take to have running work stopped. What is not told stops at its next write.
STOP_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class DaskStatistics:
    threads: int
    queued: int
    calls: int
    batches: int
    in_flight: int
    deaths: int


@asynccontextmanager
async def dask_executor(
    address: str, *, security: Security | None = None, batch: int = BATCH
) -> AsyncIterator["DaskExecutor"]:
    """The workers of the scheduler at `address` for the length of the block.

    Raises `ExecutorFailed` if there is no scheduler, or none with a worker, and ends the block
    with it when they are lost. At its end what still runs there is told to stop.
    """
    # What we send is one opaque value, of which the scheduler makes no graph.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"}):
        async with _connected(address, security) as client:
            threads = await _threads(client, address)
            async with anyio.create_task_group() as tasks:
                executor = DaskExecutor(client, tasks, batch=batch)
                executor._grow(threads)
                tasks.start_soon(executor._watch)
                try:
                    yield executor
                finally:
                    tasks.cancel_scope.cancel()
                    await executor._stop()


class DaskExecutor:
    """An `Executor` on the workers of a cluster. Made by `dask_executor`."""

    def __init__(self, client: Client, tasks: TaskGroup, *, batch: int) -> None:
        self._client = client
        self._tasks = tasks
        self._calls = Calls(1, batch=batch)
        self._threads = self._servers = self._batches = 0
        self._in_flight: dict[str, Any] = {}

    async def run(self, function: Callable[[Item], Result], item: Item) -> Result:
        return await self._calls.run(function, item)

    def statistics(self) -> DaskStatistics:
        calls = self._calls
        return DaskStatistics(
            self._threads,
            len(calls),
            calls.made,
            self._batches,
            len(self._in_flight),
            calls.deaths,
        )

    def _grow(self, threads: int) -> None:
        """Serve as many threads as there are by now; of those that went a few wait in line."""
        self._threads = self._calls.workers = threads
        wanted = max(MIN_IN_FLIGHT, min(BATCHES_AHEAD * threads, MAX_IN_FLIGHT))
        while self._servers < wanted:
            self._servers += 1
            self._tasks.start_soon(self._serve)

    async def _serve(self) -> None:
        """One batch after the other: as many as there are of these are in flight."""
        while True:
            held = await self._calls.next_batch()
            try:
                outcomes = await self._performed(held)
            except KilledWorker as killed:
                log.warning("workers of the cluster died of %d items: %s", len(held), killed)
                self._calls.bury(held, "of the cluster died, each time that it was tried")
                continue
            for call, outcome in zip(held, outcomes, strict=True):
                _settle(call, *outcome)

    async def _performed(self, held: Sequence[Call]) -> list[tuple[Any, Exception | None]]:
        batch = f"widthwise-{uuid4().hex}"
        jobs = pickle.dumps([(call.function, call.item) for call in held], protocol=5)
        self._batches += 1
        try:
            future = self._client.submit(perform, batch, jobs, key=batch, pure=False)
            self._in_flight[batch] = future
            answer = await future
        except KilledWorker:
            raise
        except Exception as error:
            # The scheduler is gone, or has forgotten; or a worker is none of ours.
            raise ExecutorFailed(f"the cluster: {type(error).__name__}: {error}") from None
        del self._in_flight[batch]
        return pickle.loads(answer)  # type: ignore[no-any-return]  # noqa: S301 - see OPERATING.md

    async def _watch(self) -> None:
        """End all when nobody is left who could answer."""
        alive = anyio.current_time()
        while True:
            await anyio.sleep(WATCH_SECONDS)
            if threads := await _answer(self._client):
                alive = anyio.current_time()
                self._grow(threads)
            elif anyio.current_time() - alive > FORSAKEN_SECONDS:
                raise ExecutorFailed(f"the cluster has had no worker for {FORSAKEN_SECONDS:g} s")

    async def _stop(self) -> None:
        """Nobody waits any more: what is queued is not begun, what runs is told."""
        batches = list(self._in_flight)
        if not batches or self._client.status != "running":
            return
        with anyio.move_on_after(STOP_SECONDS, shield=True):
            # Whatever is wrong with the cluster, this is not the moment to say so.
            with suppress(Exception):
                await self._client.cancel(list(self._in_flight.values()), force=True)
                await self._client.run(interrupt, batches, on_error="ignore")


def _settle(call: Call, result: Any, error: Exception | None) -> None:
    if isinstance(error, ExecutorFailed):
        # Not the item's fault: every other one would fail of it too.
        raise error
    call.settle(result, error)


@asynccontextmanager
async def _connected(address: str, security: Security | None) -> AsyncIterator[Client]:
    client = Client(
        address,
        asynchronous=True,
        security=security,
        set_as_default=False,
        timeout=CONNECT_SECONDS,
        name="widthwise",
    )
    try:
        await client
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise ExecutorFailed(f"no Dask scheduler at {address}: {error}") from None
    try:
        yield client
    finally:
        with anyio.move_on_after(STOP_SECONDS, shield=True):
            await client.close()


async def _threads(client: Client, address: str) -> int:
    with anyio.move_on_after(CONNECT_SECONDS):
        while not (threads := await _answer(client)):  # noqa: ASYNC110 - it tells of no event
            await anyio.sleep(0.1)
        return threads
    raise ExecutorFailed(f"the Dask scheduler at {address} has no workers")


async def _answer(client: Client) -> int:
    """How many threads the cluster has; `ExecutorFailed` if the scheduler does not say."""
    try:
        with anyio.fail_after(SILENT_SECONDS):
            return sum((await client.nthreads()).values())
    except (OSError, TimeoutError) as error:
        raise ExecutorFailed(f"the Dask scheduler is lost: {error!r}") from None
