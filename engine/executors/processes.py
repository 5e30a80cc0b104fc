"""A pool of worker processes. Knows what it was given, not what that means.

Each worker holds one batch at a time, so that when a worker dies we know what it held.
"""

import logging
import pickle
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from engine.errors import WorkerDied
from engine.executors import frames
from engine.executors.calls import Call, Calls
from engine.executors.executor import Item, Result

log = logging.getLogger("widthwise.executors")

# A worker imports from where its parent does and from nowhere else: the working folder
# may be the tree that is indexed, whose modules are not ours to run.
START_SECONDS = 60
BOOT = "import sys; sys.path[:] = sys.argv[1:]; from engine.executors.worker import main; main()"


@dataclass(frozen=True, slots=True)
class ProcessesStatistics:
    workers: int
    queued: int
    calls: int
    batches: int
    deaths: int


@asynccontextmanager
async def worker_processes(
    count: int, *, batch: int = 32, deadline_seconds: float = 60
) -> AsyncIterator["Processes"]:
    """A pool of `count` workers for the length of the block; they start with the first calls.

    A worker that holds one item longer than `deadline_seconds` is killed, as is every
    worker when the block ends.
    """
    pool = Processes(count, batch=batch, deadline_seconds=deadline_seconds)
    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(pool._serve)
        try:
            yield pool
        finally:
            tasks.cancel_scope.cancel()


class Processes:
    """An `Executor` on processes of its own. Made by `worker_processes`."""

    def __init__(self, count: int, *, batch: int, deadline_seconds: float) -> None:
        self._count = count
        self._deadline_seconds = deadline_seconds
        self._calls = Calls(count, batch=batch)
        self._batches = 0

    async def run(self, function: Callable[[Item], Result], item: Item) -> Result:
        return await self._calls.run(function, item)

    def statistics(self) -> ProcessesStatistics:
        calls = self._calls
        return ProcessesStatistics(self._count, len(calls), calls.made, self._batches, calls.deaths)

    async def _serve(self) -> None:
        """One worker's life, and that of its successors."""
        while True:
            held = await self._calls.next_batch()
            async with _started_worker() as process:
                while await self._finished(process, held):
                    held = await self._calls.next_batch()

    async def _finished(self, process: Process, held: list[Call]) -> bool:
        """Whether the worker lives after `held`. What a dead one held is told or queued again."""
        self._batches += 1
        try:
            with anyio.fail_after(self._deadline_seconds * len(held)):
                outcomes = await _exchange(process, [(call.function, call.item) for call in held])
        except TimeoutError:
            self._bury(held, f"no answer for {self._deadline_seconds:g} s")
            return False
        except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
            with anyio.move_on_after(5):
                await process.wait()
            self._bury(held, f"ended with {process.returncode}")
            return False
        for call, outcome in zip(held, outcomes, strict=True):
            call.settle(*outcome)
        return True

    def _bury(self, held: list[Call], reason: str) -> None:
        log.warning("a worker process died holding %d items: %s", len(held), reason)
        self._calls.bury(held, reason)


@asynccontextmanager
async def _started_worker() -> AsyncIterator[Process]:
    process = await anyio.open_process([sys.executable, "-c", BOOT, *sys.path], stderr=None)
    try:
        await _ready(process)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        with anyio.CancelScope(shield=True):
            await process.aclose()


async def _ready(process: Process) -> None:
    assert process.stdout is not None
    try:
        with anyio.fail_after(START_SECONDS):
            greeting = await BufferedByteReceiveStream(process.stdout).receive_exactly(
                len(frames.READY)
            )
    except (TimeoutError, anyio.IncompleteRead):
        greeting = b""
    if greeting != frames.READY:
        raise WorkerDied("worker processes do not start; what they say is on stderr")


async def _exchange(process: Process, batch: list[Any]) -> list[tuple[Any, Exception | None]]:
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdin.send(frames.encode(batch))
    answers = BufferedByteReceiveStream(process.stdout)
    header = await answers.receive_exactly(frames.HEADER_BYTES)
    body = await answers.receive_exactly(frames.body_bytes(header))
    return pickle.loads(body)  # type: ignore[no-any-return]  # noqa: S301 - our own worker's
