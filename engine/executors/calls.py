"""The calls that wait for a worker, and whose fault it is when one dies. Knows no worker."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from engine.errors import WorkerDied
from engine.executors.executor import Item, Result


@dataclass(slots=True, eq=False)
class Call:
    function: Callable[[Any], Any]
    item: Any
    finished: anyio.Event = field(default_factory=anyio.Event)
    result: Any = None
    error: Exception | None = None
    abandoned: bool = False
    alone: bool = False

    def settle(self, result: Any, error: Exception | None) -> None:
        self.result, self.error = result, error
        self.finished.set()


class Calls:
    """A line of calls that is handed to `workers` in batches of at most `batch`.

    A batch is what has queued up while the workers were busy, shared out fairly: one item
    when there is little to do, many when a round trip would cost more than the work.
    """

    def __init__(self, workers: int, *, batch: int) -> None:
        self.workers = workers
        self._batch = batch
        self._line: deque[Call] = deque()
        self._arrived = anyio.Event()
        self.made = self.deaths = 0

    def __len__(self) -> int:
        return len(self._line)

    async def run(self, function: Callable[[Item], Result], item: Item) -> Result:
        call = Call(function, item)
        self.made += 1
        self._line.append(call)
        self._arrived.set()
        try:
            await call.finished.wait()
        except anyio.get_cancelled_exc_class():
            call.abandoned = True
            raise
        if call.error is not None:
            raise call.error
        return call.result  # type: ignore[no-any-return]

    async def next_batch(self) -> list[Call]:
        while not (batch := self._take()):
            # One event for all who wait: whoever replaced one that is not set would leave
            # those behind who wait for it.
            if self._arrived.is_set():
                self._arrived = anyio.Event()
            await self._arrived.wait()
        return batch

    def bury(self, held: Sequence[Call], reason: str) -> None:
        """A lone item is the culprit; of several each is tried alone, ahead of the others."""
        self.deaths += 1
        if len(held) == 1:
            held[0].settle(None, WorkerDied(f"the worker process {reason}"))
            return
        for call in held:
            call.alone = True
        self._line.extendleft(reversed(held))
        self._arrived.set()

    def _take(self) -> list[Call]:
        share = min(self._batch, -(-len(self._line) // self.workers))
        if share and self._line[0].alone:
            share = 1
        taken = [self._line.popleft() for _ in range(share)]
        return [call for call in taken if not call.abandoned]
