"""Runs work in a thread of this process: for a few items, where starting workers costs more."""

from collections.abc import Callable

import anyio
import anyio.to_thread

from engine.executors.executor import Item, Result


class Threads:
    """At most `limit` items at once. A crash of native code takes this process along."""

    def __init__(self, *, limit: int = 1) -> None:
        self._limiter = anyio.CapacityLimiter(limit)

    async def run(self, function: Callable[[Item], Result], item: Item) -> Result:
        return await anyio.to_thread.run_sync(
            function, item, limiter=self._limiter, abandon_on_cancel=True
        )
