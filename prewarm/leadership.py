"""When a cache leads a key across processes, and when it goes ahead without.

The danger is two processes that each hold what the other waits for:

1. Process P leads A, whose load needs B; process Q leads B, whose load needs A.
2. P would wait for Q to release B, and Q for P to release A.

So nobody who holds waits: a load that holds up another one, and a load of a key that a
batch of this process leads already, takes the lead if it is free and else goes ahead
without. It may do work twice; it can't stand still.
"""

from collections.abc import AsyncIterator, Collection, Set
from contextlib import asynccontextmanager

import anyio

from prewarm.coalescer import Coalescer
from prewarm.definition import Key
from prewarm.holdings import Holdings, Load
from prewarm.single_flight import current_flight


class Leadership:
    """The keys that one cache leads, among all that share its coalescer."""

    def __init__(self, coalescer: Coalescer, holdings: Holdings, batched: Set[Key]) -> None:
        """`batched` are the keys that batches of this cache work on right now."""
        self._coalescer = coalescer
        self._holdings = holdings
        self._batched = batched

    @asynccontextmanager
    async def of(self, load: Load) -> AsyncIterator[None]:
        """Lead the key of a load, or go ahead without where waiting could lock up."""
        led = await self._lead(load)
        try:
            yield
        finally:
            if led:
                await self._coalescer.release((load.key,))

    @asynccontextmanager
    async def of_free(self, keys: Collection[Key]) -> AsyncIterator[frozenset[Key]]:
        """Lead those of the keys that nobody leads, as one batch."""
        led = await self._coalescer.try_lead(keys)
        try:
            yield led
        finally:
            if led:
                await self._coalescer.release(led)

    async def _lead(self, load: Load) -> bool:
        if await self._coalescer.try_lead((load.key,)):
            return True
        with anyio.CancelScope() as load.patience:
            if not self._holds_up_others(load):
                await self._coalescer.lead(load.key)
                return True
        return False

    def _holds_up_others(self, load: Load) -> bool:
        flight = current_flight()
        return load.key in self._batched or (flight is not None and flight.held_up > 0)
