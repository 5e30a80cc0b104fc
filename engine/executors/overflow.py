"""Runs work in one executor up to a bound, and what is beyond it in another."""

from collections.abc import Callable

from engine.executors.executor import Executor, Item, Result


class Overflow:
    """`near` has up to `room` items in hand. Those that come meanwhile go to `far`."""

    def __init__(self, near: Executor, far: Executor, *, room: int) -> None:
        self._near = near
        self._far = far
        self._room = room

    async def run(self, function: Callable[[Item], Result], item: Item) -> Result:
        if not self._room:
            return await self._far.run(function, item)
        self._room -= 1
        try:
            return await self._near.run(function, item)
        finally:
            self._room += 1
