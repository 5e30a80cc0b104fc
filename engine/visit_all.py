"""Visit files in dependency order with bounded concurrency. Knows nothing of jobs or storage.

No barrier stands between layers: a file starts when the last thing it depends on is
done. Loops take what is ready, so that a visit costs no task of its own: twice as many as there
are slots, for while the slots are taken as many visits more are made ready for them.
"""

from collections.abc import Awaitable, Callable

import anyio

from engine.slots import Slot, Slots
from resolver import Plan

# For each slot one visit that has it, and one that is made ready for it or ends after it.
VISITS_PER_SLOT = 2

Visiting = Callable[[str, Slot], Awaitable[None]]


async def visit_all(plan: Plan, visit: Visiting, *, limit: int) -> None:
    """Call `visit` once for every key of `plan`, with a slot that it enters; `limit` have one.

    `visit` deals with what is wrong with one file; what it raises ends the whole. When
    this is cancelled no visit is left running.
    """
    dispatch = _Dispatch(plan, visit, limit)
    async with anyio.create_task_group() as tasks:
        for _ in range(min(VISITS_PER_SLOT * limit, len(plan))):
            tasks.start_soon(dispatch.run)


class _Dispatch:
    def __init__(self, plan: Plan, visit: Visiting, limit: int) -> None:
        self._plan = plan
        self._visit = visit
        self._slots = Slots(limit)
        self._idle: list[anyio.Event] = []

    async def run(self) -> None:
        plan = self._plan
        slot = Slot(self._slots, lambda: plan.behind_next)
        while not plan.is_done:
            # One at a time, so that of all that is ready the longest chain goes first.
            ready = plan.ready(1)
            if not ready:
                slot.give_up()
                await self._wait()
                continue
            self._wake_next()
            slot.begin(plan.behind(ready[0]))
            await self._visit(ready[0], slot)
            plan.done(ready[0])
        slot.give_up()
        self._wake_next()

    async def _wait(self) -> None:
        woken = anyio.Event()
        self._idle.append(woken)
        await woken.wait()

    def _wake_next(self) -> None:
        """Wake one loop, which does the same, if there is more to do or nothing at all."""
        if self._idle and (self._plan.behind_next >= 0 or self._plan.is_done):
            self._idle.pop().set()
