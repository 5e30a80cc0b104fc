"""A definition is looked up in memory, then in the store, then loaded, once."""

import logging
import time
import weakref
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import TypeAlias

import anyio

from prewarm.coalescer import Coalescer
from prewarm.definition import Definition, Key
from prewarm.errors import DefinitionError
from prewarm.holdings import Holdings, Load
from prewarm.leadership import Leadership
from prewarm.memory_definitions import NoDefinitions
from prewarm.settled import Settled, opened, reason_of
from prewarm.single_flight import SingleFlight
from prewarm.statistics import CacheStatistics, Tally
from prewarm.store import DefinitionStore, Failure, Record

BATCH = 200
"""How many records go to the store in one statement, and how many keys are led at once."""

STORE_SECONDS = 10.0
"""How long a write may take once its caller is cancelled."""

_log = logging.getLogger(__name__)


class DefinitionCache:
    """The definitions of one scope (a realm), each computed once and never served stale.

    Needs no opening and no closing. `load` computes a definition; it may itself call
    `get`, and then the result counts as computed from what it got. Loads may read each
    other in a cycle: the one that would wait for itself gets an empty, provisional
    definition, and what was computed from that is returned but not kept, unless it is
    the definition that closes the cycle.

    An invalidation in this process counts at once. One in another process is seen at the
    next look into the store, which `get_many` always takes, and is never outrun by a
    write: the store refuses what was loaded before it.
    """

    def __init__(
        self,
        load: Callable[[Key], Awaitable[Definition]],
        *,
        store: DefinitionStore | None = None,
        coalescer: Coalescer | None = None,
        error_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        max_entries: int = 20_000,
    ) -> None:
        self._load = load
        self._store = NoDefinitions() if store is None else store
        self._error_seconds = error_seconds
        self._flights: SingleFlight[Key, Settled] = SingleFlight()
        self._holdings = Holdings(self._flights.forget, max_entries=max_entries, clock=clock)
        self._batched: set[Key] = set()
        self._leadership = (
            None if coalescer is None else Leadership(coalescer, self._holdings, self._batched)
        )
        self._tally = Tally()
        self._writing = anyio.Lock()
        self._me = weakref.ref(self)

    async def get(self, key: Key) -> Definition:
        """The definition of `key`; raises `DefinitionError` where it can't be had."""
        return (await self._get(key)).unwrap(key)

    async def get_many(
        self, keys: Iterable[Key], *, limit: int
    ) -> dict[Key, Definition | DefinitionError]:
        """All these definitions, at most `limit` loads at once; an error is a value here.

        Takes one query for what the store knows.
        """
        wanted = tuple(dict.fromkeys(keys))
        if (reader := self._reader()) is not None:
            self._holdings.read(reader, wanted)
        outcomes = await self._known(wanted)
        missing = [key for key in wanted if key not in outcomes]
        # At the end of a batch all wait for the slowest; without a lead there need be only one.
        at_once = BATCH if self._leadership else max(1, len(missing))
        for start in range(0, len(missing), at_once):
            await self._load_batch(missing[start : start + at_once], outcomes, limit=limit)
        return {key: outcomes[key] for key in wanted}

    async def invalidate(self, keys: Iterable[Key]) -> None:
        """Drop the keys and what was computed from them, in the store too."""
        keys = frozenset(keys)
        self._tally.invalidations += 1
        reached = frozenset(self._holdings.sweep(keys))
        try:
            async with self._writing:
                dropped = await self._store.invalidate(reached)
                self._holdings.settle_on(dropped.generation, own=1)
                reached = dropped.keys
        finally:
            # What was read from the store before its statement ran is as stale as before.
            self._holdings.sweep(reached)

    async def invalidate_all(self) -> None:
        """Drop the whole scope."""
        await self._invalidate_all(self._store.invalidate_all)

    async def invalidate_everything(self) -> None:
        """Drop all scopes of the store. Caches of other scopes see it at their next look."""
        await self._invalidate_all(self._store.invalidate_everything)

    def statistics(self) -> CacheStatistics:
        return self._tally.statistics(size=len(self._holdings), in_flight=len(self._flights))

    async def _get(self, key: Key) -> Settled:
        reader = self._reader()
        if reader is not None:
            return await self._get_for(reader, key)
        settled = await self._look_up(key)
        if settled.provisional:
            # Another caller closed a cycle through this key, and by now its definition is
            # kept. So a second try reads that instead of an empty one.
            settled = await self._look_up(key)
        return settled

    async def _get_for(self, reader: Load, key: Key) -> Settled:
        self._holdings.read(reader, (key,))
        if self._recall(key) is None and self._flights.would_wait_for_itself(key):
            reader.provisional.add(key)
            return Settled(Definition(key), frozenset((key,)))
        self._holdings.hurry((key,))
        settled = await self._look_up(key)
        reader.provisional |= settled.provisional
        return settled

    async def _look_up(self, key: Key) -> Settled:
        if (record := self._recall(key)) is not None:
            self._tally.hits += 1
            return Settled(record.outcome)
        if key in self._flights:
            self._tally.shared += 1
        return await self._flights.do(key, partial(self._settle, key))

    async def _settle(self, key: Key) -> Settled:
        load = self._holdings.begin(key)
        try:
            return await self._fetch_or_load(load)
        finally:
            self._holdings.end(load)

    async def _fetch_or_load(self, load: Load) -> Settled:
        if load.key in self._batched:
            return await self._compute(load)
        if (found := await self._fetch_one(load.key)) is not None:
            return found
        if self._leadership is None:
            return await self._compute_and_store(load)
        async with self._leadership.of(load):
            # Whoever led the key until now may have stored it.
            return await self._fetch_one(load.key) or await self._compute_and_store(load)

    async def _compute_and_store(self, load: Load) -> Settled:
        settled = await self._compute(load)
        await self._flush()
        return settled

    async def _compute(self, load: Load) -> Settled:
        load.version = self._store.version_of(load.key)
        load.computing = True
        self._tally.loads += 1
        settled = await self._attempt(load)
        # An empty version is one that only the load itself can find out.
        load.version = load.version or self._store.version_of(load.key)
        if not self._holdings.settle(load, settled.outcome):
            self._tally.discarded += 1
        return settled

    async def _attempt(self, load: Load) -> Settled:
        cause: Exception | None = None
        outcome: Definition | Failure
        token = _current.set((self._me, weakref.ref(load)))
        try:
            outcome = await self._load(load.key)
        except Exception as error:
            self._tally.errors += 1
            outcome, cause = Failure(reason_of(error, load.key), self._error_seconds), error
        finally:
            _current.reset(token)
        return Settled(outcome, frozenset(load.provisional - {load.key}), cause)

    async def _known(self, keys: Sequence[Key]) -> dict[Key, Definition | DefinitionError]:
        held = {key: self._recall(key) for key in keys}
        found = {key: record for key, record in held.items() if record is not None}
        self._tally.hits += len(found)
        missing = [key for key in keys if key not in found]
        found |= {record.key: record for record in await self._fetch(missing)}
        return {key: opened(key, record.outcome) for key, record in found.items()}

    async def _load_batch(
        self, keys: Sequence[Key], outcomes: dict[Key, Definition | DefinitionError], *, limit: int
    ) -> None:
        free = [key for key in keys if key not in self._flights and key not in self._batched]
        async with self._led(free) as led:
            known = await self._known(tuple(led)) if self._leadership else {}
            outcomes |= known
            with self._batch(led):
                await self._load_each([key for key in led if key not in known], outcomes, limit)
                await self._flush()
        await self._load_each([key for key in keys if key not in outcomes], outcomes, limit)

    async def _load_each(
        self, keys: Sequence[Key], outcomes: dict[Key, Definition | DefinitionError], limit: int
    ) -> None:
        remaining = iter(keys)

        async def load_remaining() -> None:
            for key in remaining:
                settled = await self._get(key)
                outcomes[key] = opened(key, settled.outcome)
                if self._holdings.unstored >= BATCH and not self._writing.locked():
                    await self._flush_batch()

        async with anyio.create_task_group() as group:
            for _ in range(min(limit, len(keys))):
                group.start_soon(load_remaining)

    async def _fetch_one(self, key: Key) -> Settled | None:
        for record in await self._fetch((key,)):
            return Settled(record.outcome)
        return None

    async def _fetch(self, keys: Collection[Key]) -> Sequence[Record]:
        if not keys:
            return ()
        found = await self._store.fetch(keys)
        if found.generation != self._holdings.generation:
            # An invalidation of our own may be about to tell us of this very generation.
            async with self._writing:
                self._holdings.meet(found.generation)
        if found.generation != self._holdings.generation:
            return ()
        self._tally.store_hits += len(found.records)
        for record in found.records:
            self._holdings.remember(record)
        return found.records

    async def _flush(self) -> None:
        """Store all that is lined up, also what somebody else is storing just now."""
        async with self._writing:
            while self._holdings.unstored:
                await self._store_batch()

    async def _flush_batch(self) -> None:
        async with self._writing:
            await self._store_batch()

    async def _store_batch(self) -> None:
        records = self._holdings.take_unstored(BATCH)
        with anyio.move_on_after(STORE_SECONDS, shield=True) as scope:
            await self._put(records)
        if scope.cancelled_caught:
            _log.warning("the store did not answer, %s records are lost", len(records))

    async def _put(self, records: Sequence[Record]) -> None:
        known = self._holdings.generation
        generation = await self._store.put_many(records, generation=known)
        self._holdings.settle_on(generation, own=0)
        if generation != known:
            self._tally.discarded += len(records)

    async def _invalidate_all(self, at_store: Callable[[], Awaitable[int]]) -> None:
        self._tally.invalidations += 1
        self._holdings.sweep_all()
        try:
            async with self._writing:
                self._holdings.settle_on(await at_store(), own=1)
        finally:
            self._holdings.sweep_all()

    def _recall(self, key: Key) -> Record | None:
        record = self._holdings.recall(key)
        if record is not None and record.version != self._store.version_of(key):
            self._holdings.sweep((key,))
            return None
        return record

    def _reader(self) -> Load | None:
        """The load of this cache that the caller is part of, if any."""
        owner, load = _current.get()
        return load() if owner() is self else None

    def _led(self, keys: Sequence[Key]) -> AbstractAsyncContextManager[Collection[Key]]:
        return nullcontext(keys) if self._leadership is None else self._leadership.of_free(keys)

    @contextmanager
    def _batch(self, keys: Collection[Key]) -> Iterator[None]:
        self._batched.update(keys)
        # 1. A load of K waits for another process; that one releases K.
        # 2. This batch leads K now, and will wait for the load that is in the air already.
        # So that load must not wait for the lead any more.
        self._holdings.hurry(keys)
        try:
            yield
        finally:
            self._batched.difference_update(keys)


_Reading: TypeAlias = tuple[
    Callable[[], DefinitionCache | None],
    Callable[[], Load | None],
]

# Weak, because whatever a load sets a timer for keeps its context: the driver's prepared
# statements held all that a pass had read for five minutes after its end.
_current: ContextVar[_Reading] = ContextVar("load", default=(lambda: None, lambda: None))
