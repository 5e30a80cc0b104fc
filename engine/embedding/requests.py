"""Who waits for which texts. Knows no embedder."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
from pgvector import HalfVector

# Texts and vectors are known by the hash of the text.
Found: TypeAlias = dict[bytes, HalfVector]
Arrived: TypeAlias = Callable[[Found], None]


@dataclass(slots=True, eq=False)
class Request:
    """What one caller is still to hear of."""

    missing: int
    arrived: Arrived
    ended: anyio.Event = field(default_factory=anyio.Event)

    def take(self, found: Found) -> None:
        self.missing -= len(found)
        self.arrived(found)
        if not self.missing:
            self.ended.set()


class Requests:
    """Each text is asked for once, by whoever was first; all who want it hear of it."""

    def __init__(self) -> None:
        self._asked: dict[bytes, list[Request]] = {}

    @contextmanager
    def opened(
        self, texts: Mapping[bytes, str], arrived: Arrived
    ) -> Iterator[tuple[Request, list[bytes]]]:
        """A request for the length of the block, with those of its texts that are new."""
        request = Request(len(texts), arrived)
        new = [key for key in texts if key not in self._asked]
        for key in texts:
            self._asked.setdefault(key, []).append(request)
        try:
            yield request, new
        finally:
            request.arrived = _nobody

    def deliver(self, found: Found) -> None:
        parts: defaultdict[Request, Found] = defaultdict(dict)
        for key, vector in found.items():
            for request in self._asked.pop(key):
                parts[request][key] = vector
        for request, part in parts.items():
            request.take(part)

    def end_all(self) -> None:
        """Wake all who wait, though nothing came."""
        for requests in self._asked.values():
            for request in requests:
                request.ended.set()


def _nobody(_: Found) -> None:
    """Who was cancelled hears of nothing."""
