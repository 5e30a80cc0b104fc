"""The vectors of texts, each paid for once. Knows texts by their hash and no file."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio
from pgvector import HalfVector

from engine.embedding import EmbeddingQueue

# The numbers of 60,000 half vectors of 256 are 31 MB, beside their objects.
MAX_REMEMBERED = 60_000

Known = Callable[[Sequence[bytes]], Awaitable[dict[bytes, HalfVector]]]


class PaidOnce:
    """Finds vectors where they are: in memory, on their way, in the database; else embeds.

    `known` looks in the database; `None` when it is known to be empty of this embedder's.
    """

    def __init__(
        self, queue: EmbeddingQueue, known: Known | None, *, remember: int = MAX_REMEMBERED
    ) -> None:
        self._queue = queue
        self._known = known
        self._remember = remember
        self._vectors: OrderedDict[bytes, HalfVector] = OrderedDict()
        self._on_their_way: dict[bytes, anyio.Event] = {}

    async def vectors(self, texts: Mapping[bytes, str]) -> dict[bytes, HalfVector]:
        """A vector for each of `texts`, by hash."""
        found: dict[bytes, HalfVector] = {}
        while missing := {key: texts[key] for key in texts.keys() - found.keys()}:
            found.update(self._remembered(missing))
            ours = {
                key: text
                for key, text in missing.items()
                if key not in found and key not in self._on_their_way
            }
            if ours:
                found.update(await self._fetch(ours))
            else:
                await self._any_arrival(missing.keys() - found.keys())
        return found

    def _remembered(self, keys: Mapping[bytes, str]) -> dict[bytes, HalfVector]:
        found = {key: self._vectors[key] for key in keys if key in self._vectors}
        for key in found:
            self._vectors.move_to_end(key)
        return found

    async def _any_arrival(self, keys: "set[bytes]") -> None:
        for key in keys:
            if event := self._on_their_way.get(key):
                await event.wait()
                return

    async def _fetch(self, texts: Mapping[bytes, str]) -> dict[bytes, HalfVector]:
        arrived = anyio.Event()
        self._on_their_way.update(dict.fromkeys(texts, arrived))
        try:
            found = await self._known(list(texts)) if self._known else {}
            missing = [key for key in texts if key not in found]
            rows = await self._queue.embed([texts[key] for key in missing])
            found.update({key: HalfVector(row) for key, row in zip(missing, rows, strict=True)})
            self._put(found)
        finally:
            # Those who waited look again: after a failure the next of them fetches.
            for key in texts:
                del self._on_their_way[key]
            arrived.set()
        return found

    def _put(self, found: Mapping[bytes, HalfVector]) -> None:
        self._vectors.update(found)
        while len(self._vectors) > self._remember:
            self._vectors.popitem(last=False)
