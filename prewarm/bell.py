"""Wakes all who wait for something to move. Knows not what moves."""

import anyio


class Bell:
    """An event that rings again and again, and costs nothing while nobody waits.

    Who waits looks again after each ring, since what it waits for may be somebody else's by
    then. There is no memory of rings that nobody heard.
    """

    __slots__ = ("_heard",)

    def __init__(self) -> None:
        self._heard: anyio.Event | None = None

    async def wait(self) -> None:
        """Until the next ring."""
        if self._heard is None:
            self._heard = anyio.Event()
        await self._heard.wait()

    def ring(self) -> None:
        if self._heard is not None:
            self._heard.set()
            self._heard = None
