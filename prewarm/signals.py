"""Wake up whoever watches a name. Holds nothing for names that nobody watches."""

from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import anyio

N = TypeVar("N", bound=Hashable)


class Signals(Generic[N]):
    """Look, then wait, without missing what happens in between: watch first."""

    def __init__(self) -> None:
        self._watchers: dict[N, set[anyio.Event]] = {}

    @contextmanager
    def watch(self, name: N) -> Iterator[anyio.Event]:
        """An event that is set by the next announcement of `name`."""
        event = anyio.Event()
        self._watchers.setdefault(name, set()).add(event)
        try:
            yield event
        finally:
            self._watchers[name].discard(event)
            if not self._watchers[name]:
                del self._watchers[name]

    def announce(self, names: Iterable[N]) -> None:
        for name in names:
            for event in self._watchers.get(name, ()):
                event.set()

    def announce_all(self) -> None:
        self.announce(tuple(self._watchers))
