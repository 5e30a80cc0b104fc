"""One leader per key among several caches, in this process or in many."""

from collections.abc import Collection
from typing import Protocol

from anyio.lowlevel import checkpoint

from prewarm.definition import Key
from prewarm.signals import Signals


class Coalescer(Protocol):
    """Who leads a key may load it; the others wait, then look into the store first.

    Leading is no right to store: a leader that is thought dead may live, and two may
    load at once. The store's generation is what keeps that safe. Nothing is led by
    somebody who was cancelled while asking.
    """

    async def try_lead(self, keys: Collection[Key]) -> frozenset[Key]:
        """Lead those that nobody leads, the caller included. Does not wait for others."""

    async def lead(self, key: Key) -> None:
        """Wait until the key can be led, then lead it."""

    async def release(self, keys: Collection[Key]) -> None:
        """Lead these keys no longer, also when the caller is cancelled."""


class InProcessCoalescer:
    """A `Coalescer` for caches of one process that share a store."""

    def __init__(self) -> None:
        self._led: set[Key] = set()
        self._released: Signals[Key] = Signals()

    async def try_lead(self, keys: Collection[Key]) -> frozenset[Key]:
        await checkpoint()
        return self._take(keys)

    async def lead(self, key: Key) -> None:
        await checkpoint()
        while not self._take((key,)):
            with self._released.watch(key) as released:
                await released.wait()

    async def release(self, keys: Collection[Key]) -> None:
        self._led.difference_update(keys)
        self._released.announce(keys)

    def _take(self, keys: Collection[Key]) -> frozenset[Key]:
        free = frozenset(keys) - self._led
        self._led |= free
        return free
