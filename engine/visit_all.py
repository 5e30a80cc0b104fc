"""Visit files in dependency order with bounded concurrency. Knows nothing of jobs or storage.

No barrier stands between layers: a file starts when the last thing it depends on is
done. As many loops as the limit allows take what is ready, so that a visit costs no
task of its own.
"""

from collections.abc import Awaitable, Callable

import anyio

from resolver import Plan


async def visit_all(plan: Plan, visit: Callable[[str], Awaitable[None]], *, limit: int) -> None:
    """Call `visit` once for every key of `plan`, at most `limit` at once.

    `visit` deals with what is wrong with one file; what it raises ends the whole. When
    this is cancelled no visit is left running.
    """
    dispatch = _Dispatch(plan, visit)
    async with anyio.create_task_group() as tasks:
        for _ in range(limit):
            tasks.start_soon(dispatch.run)


class _Dispatch:
    def __init__(self, plan: Plan, visit: Callable[[str], Awaitable[None]]) -> None:
        self._plan = plan
        self._visit = visit
        self._moved = anyio.Event()

    async def run(self) -> None:
        while not self._plan.is_done:
            # One at a time, so that of all that is ready the longest chain goes first.
            ready = self._plan.ready(1)
            if not ready:
                await self._moved.wait()
                continue
            await self._visit(ready[0])
            self._plan.done(ready[0])
            self._move()

    def _move(self) -> None:
        """Wake who found nothing ready; the next to find nothing waits anew."""
        self._moved.set()
        self._moved = anyio.Event()
