"""How many visits at once have what is scarce, and who is next. Knows no plan and no file.

A visit needs its slot for a part of its time: while a service renders, and not while the file is
made ready before or its entry is made after. So others are made ready meanwhile, and who gives
its slot back hands it to one that waits. But not to one of less urgency than what this visit's
end may release, or a long chain would lose a turn with each of its steps:

1. A file of the longest chain has its slot no more, and its entry is being made.
2. One that nothing waits for is ready, and would take the slot.
3. The entry is done, the next file of the chain may start, and waits until a slot is free.

So the slot is kept until the visit has ended, and the visit that follows begins with it.
"""

import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from types import TracebackType

import anyio
import anyio.lowlevel

NOBODY = -1
"""Less urgent than anything."""


class Slots:
    """So many; of those who wait the most urgent is next, and among equals the first."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._line: list[tuple[int, int, anyio.Event]] = []
        self._numbers = count()

    @property
    def urgency(self) -> int:
        """That of who is next, or `NOBODY`."""
        return -self._line[0][0] if self._line else NOBODY

    def take_free(self) -> bool:
        """Take one if it is free; whether it was."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self, urgency: int) -> None:
        """Until one is handed over."""
        given = anyio.Event()
        place = (-urgency, next(self._numbers), given)
        heappush(self._line, place)
        try:
            await given.wait()
        except BaseException:
            if given.is_set():
                self.give()
            else:
                self._line.remove(place)
                heapify(self._line)
            raise

    def give(self) -> None:
        if self._line:
            heappop(self._line)[2].set()
        else:
            self._free += 1


class Slot:
    """A visit enters it for the part that needs a slot, once. Visits that follow share it.

    `waited_seconds` are those of the visit that runs, or ran last.
    """

    def __init__(self, slots: Slots, next_urgency: Callable[[], int]) -> None:
        """`next_urgency` is that of the most urgent visit that may begin and has not."""
        self._slots = slots
        self._next_urgency = next_urgency
        self._is_held = False
        self._urgency = 0
        self.waited_seconds = 0.0

    def begin(self, urgency: int) -> None:
        """A visit begins. It keeps the slot of the one before unless others are as urgent."""
        self._urgency = urgency
        self.waited_seconds = 0.0
        if self._slots.urgency >= urgency:
            self.give_up()

    def give_up(self) -> None:
        if self._is_held:
            self._is_held = False
            self._slots.give()

    async def __aenter__(self) -> None:
        if not self._is_held and not self._slots.take_free():
            began = time.perf_counter()
            await self._slots.wait(self._urgency)
            self.waited_seconds += time.perf_counter() - began
        self._is_held = True

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What this visit releases has less behind it than itself.
        waiting = self._slots.urgency
        if waiting >= max(self._urgency - 1, self._next_urgency()):
            self.give_up()
            if waiting > NOBODY:
                # Who has it now begins before this visit goes on.
                await anyio.lowlevel.checkpoint()
