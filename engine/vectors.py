"""The vectors of texts, each paid for once. Knows texts by their hash and no file."""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
from pgvector import HalfVector

from engine.embedding import Arrived, EmbeddingQueue, Found, Keep, OnTheWay, Supply

log = logging.getLogger("widthwise.vectors")

# As half vectors of 256 these are 10,000: 8 MB with their objects.
MAX_REMEMBERED_NUMBERS = 10_000 * 256

# What came back is stored even if the pass is cancelled meanwhile, within this time.
KEEP_SECONDS = 5.0

LookUp: TypeAlias = Callable[[Sequence[bytes]], Awaitable[Found]]


class PaidOnce:
    """Finds vectors where they are: in memory, in the database, on their way; else embeds.

    `on_the_way` is what the passes of this process tell each other; it is `None` for an
    embedder whose vectors are not stored as they come, so that nobody else could find them.
    """

    def __init__(
        self, queue: EmbeddingQueue, known: "KnownVectors", on_the_way: OnTheWay | None = None
    ) -> None:
        self._queue = queue
        self._known = known
        self._on_the_way = on_the_way

    async def fetch(self, texts: Mapping[bytes, str], arrived: Arrived) -> None:
        """Tell `arrived` of vectors as they come, until there is one for each of `texts`."""
        if self._on_the_way is None:
            await self._find_or_embed(texts, arrived)
        else:
            await self._share(self._on_the_way, texts, arrived)

    def supply(self, supply: Supply) -> None:
        """What is true of texts to come."""
        self._queue.supply(supply)

    async def _share(
        self, on_the_way: OnTheWay, texts: Mapping[bytes, str], arrived: Arrived
    ) -> None:
        # Claimed before they are looked for: what another pass let go of before that has been
        # kept, and is found.
        mine = on_the_way.claim(self, texts)
        theirs = {key: text for key, text in texts.items() if key not in mine}

        def tell(found: Found) -> None:
            on_the_way.release(self, found)
            arrived(found)

        async def wait_for_theirs() -> None:
            await on_the_way.settled(theirs)
            await self._share(on_the_way, theirs, arrived)

        async with anyio.create_task_group() as tasks:
            if theirs:
                tasks.start_soon(wait_for_theirs)
            try:
                await self._find_or_embed({key: texts[key] for key in texts if key in mine}, tell)
            finally:
                on_the_way.release(self, mine)

    async def _find_or_embed(self, texts: Mapping[bytes, str], arrived: Arrived) -> None:
        with self._queue.looking_up():
            found = await self._known.find(texts)
            if found:
                arrived(found)
        # In their order, so that those of one file are embedded next to each other. They are
        # in line before the queue can run and take the look-up for the end of the supply.
        missing = {key: text for key, text in texts.items() if key not in found}
        await self._queue.embed(missing, arrived)


class KnownVectors:
    """Memory, in front of the database where that helps.

    `look_up` is `None` where the database is known to have nothing of this embedder's, and
    `store` where to compute a vector again is cheaper than to write it down.
    """

    def __init__(self, look_up: LookUp | None, store: Keep | None, *, dimension: int) -> None:
        self._look_up = look_up
        self._store = None if store is None else _Together(store)
        self._limit = max(1, MAX_REMEMBERED_NUMBERS // dimension)
        self._remembered: OrderedDict[bytes, HalfVector] = OrderedDict()

    async def find(self, hashes: Iterable[bytes]) -> Found:
        hashes = list(hashes)
        # Held from here on: by the time the database has answered others may have pushed it out.
        found = self._recall(hashes)
        unknown = [key for key in hashes if key not in found]
        stored = await self._look_up(unknown) if self._look_up and unknown else {}
        # Looked at again: what came back meanwhile is here, and may not have been there.
        found |= stored | self._recall(unknown)
        self._remember(stored)
        return found

    async def keep(self, found: Found) -> None:
        """Called with each batch as it comes back. Runs to its end if the pass is cancelled."""
        if self._store is not None:
            with anyio.move_on_after(KEEP_SECONDS, shield=True) as scope:
                await self._store.add(found)
            if scope.cancelled_caught:
                log.warning("%d vectors could not be stored within %g s: should this pass"
                            " fail they are paid for again", len(found), KEEP_SECONDS)  # fmt: skip
        self._remember(found)

    def _recall(self, hashes: Iterable[bytes]) -> Found:
        found = {key: self._remembered[key] for key in hashes if key in self._remembered}
        for key in found:
            self._remembered.move_to_end(key)
        return found

    def _remember(self, found: Found) -> None:
        self._remembered.update(found)
        while len(self._remembered) > self._limit:
            self._remembered.popitem(last=False)


class _Together:
    """What comes while something is being stored is stored together, in the next statement."""

    def __init__(self, store: Keep) -> None:
        self._store = store
        self._storing = anyio.Lock()
        self._next = _Lot()

    async def add(self, found: Found) -> None:
        """Store these; if that fails for those who came together, each of them tries again."""
        lot = self._next
        lot.vectors.update(found)
        async with self._storing:
            if lot is self._next:
                self._next = _Lot()
            if not lot.is_stored:
                await self._store(lot.vectors)
                lot.is_stored = True


@dataclass(slots=True)
class _Lot:
    vectors: Found = field(default_factory=dict)
    is_stored: bool = False
