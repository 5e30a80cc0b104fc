"""A gate before the calls of a provider, by which a test chooses where a pass stands still."""

import anyio
from embedding_provider import Call, Provider
from job_processes import PATIENCE_SECONDS


class Gate:
    """Holds the calls from `first` to `last`, counted from 1, until it is opened."""

    def __init__(self, provider: Provider, *, first: int = 1, last: float = float("inf")) -> None:
        self._provider = provider
        self.first = first
        self._last = last
        self._opened = anyio.Event()
        provider.on_call = self._hold

    async def reached(self) -> None:
        """Until a call stands before it."""
        with anyio.fail_after(PATIENCE_SECONDS):
            await self._provider.until(lambda provider: len(provider.calls) >= self.first)

    def open(self) -> None:
        self._opened.set()

    async def _hold(self, call: Call) -> None:
        if self.first <= call.number <= self._last:
            await self._opened.wait()
