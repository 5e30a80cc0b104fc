"""What one process holds of a scope: entries, loads in the air, records to be stored.

Pure: no I/O, no await. All of it is valid at `generation`, the store's count of
invalidations as this process knows it. An invalidation of our own takes away what it
reaches and moves the rest on; one made elsewhere takes everything, because we can't know
what it reached.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

import anyio

from prewarm.definition import Definition, Key
from prewarm.dependents import Dependents, Node
from prewarm.store import Failure, Record

UNKNOWN = -1
"""The generation as long as the store was not asked."""


@dataclass(eq=False, slots=True, weakref_slot=True, kw_only=True)
class Load(Node):
    """One load in the air.

    `dependencies` grow with what it reads. `provisional` are the keys that it was given
    an empty definition for, because they were waiting for it. `patience` is the scope of
    its wait for another process, if it waits.
    """

    version: str = ""
    computing: bool = False
    stale: bool = False
    missed: set[Key] = field(default_factory=set)
    provisional: set[Key] = field(default_factory=set)
    patience: anyio.CancelScope | None = None


@dataclass(eq=False, slots=True, kw_only=True)
class _Entry(Node):
    record: Record
    expires: float


class Holdings:
    """At most `max_entries` entries, the least recently used go first."""

    def __init__(
        self,
        forget: Callable[[Key], None],
        *,
        max_entries: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`forget` is told the key of each load that later callers must not join."""
        self.generation = UNKNOWN
        self._forget = forget
        self._clock = clock
        self._max_entries = max_entries
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._dependents = Dependents()
        self._loads: set[Load] = set()
        self._unstored: dict[Key, Record] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def recall(self, key: Key) -> Record | None:
        entry = self._entries.get(key)
        if entry is None or entry.expires <= self._clock():
            return None
        self._entries.move_to_end(key)
        return entry.record

    def remember(self, record: Record) -> None:
        self._drop(record.key)
        entry = _Entry(key=record.key, record=record, expires=self._expiry(record))
        self._entries[record.key] = entry
        self._dependents.connect(entry, record.dependencies)
        if len(self._entries) > self._max_entries:
            self._dependents.bequeath(self._entries.popitem(last=False)[1])

    def begin(self, key: Key) -> Load:
        load = Load(key=key)
        self._loads.add(load)
        return load

    def end(self, load: Load) -> None:
        self._loads.discard(load)
        self._dependents.disconnect(load)
        load.stale = True

    def hurry(self, keys: Collection[Key]) -> None:
        """Let the loads of these keys stop waiting for another process."""
        for load in self._loads:
            if load.patience is not None and load.key in keys:
                load.patience.cancel()

    def read(self, load: Load, keys: Iterable[Key]) -> None:
        """Note that `load` reads these keys. Before it has them: they may change meanwhile."""
        if not load.stale:
            self._dependents.connect(load, keys)

    def settle(self, load: Load, outcome: Definition | Failure) -> bool:
        """Keep the outcome, and line it up for the store, if it may be. Says whether.

        1. A load of a key, or of something that reads it, begins.
        2. The key is invalidated, and a second load begins and is kept.
        3. The first load ends, with what it read before the invalidation.
        So a load that an invalidation reached is `stale`, and what it brings is not kept.
        """
        declared = outcome.dependencies if isinstance(outcome, Definition) else ()
        if load.missed.intersection(declared):
            # Its readers may have what was invalidated, although they never named it.
            self.sweep((load.key,))
        if load.stale:
            return False
        self._dependents.connect(load, declared)
        if load.provisional - {load.key}:
            self._dependents.bequeath(load)
            return False
        record = Record(load.key, load.version, outcome, load.dependencies)
        self.remember(record)
        self._unstored[load.key] = record
        return True

    def sweep(self, keys: Iterable[Key]) -> set[Key]:
        """Forget the keys and what was computed from them. Answers with all that went."""
        reached = self._dependents.reached_from(keys)
        self._sweep_unstored(reached)
        for key in reached:
            self._drop(key)
        for load in self._loads:
            load.missed |= reached
            if load.key in reached:
                self._outdate(load)
        return reached

    def sweep_all(self) -> None:
        self._unstored.clear()
        for key in tuple(self._entries):
            self._drop(key)
        for load in self._loads:
            self._outdate(load)

    def meet(self, generation: int) -> None:
        """Take note of a generation that the store was seen to have."""
        if generation > self.generation:
            self._adopt(generation)

    def settle_on(self, generation: int, *, own: int) -> None:
        """Take note of the store's generation after `own` invalidations of ours, 0 or 1."""
        if generation == self.generation + own:
            self.generation = generation
        else:
            self._adopt(generation)

    def _adopt(self, generation: int) -> None:
        # Somebody else invalidated something. Before the first look nothing was held.
        if self.generation != UNKNOWN:
            self.sweep_all()
        self.generation = generation

    @property
    def unstored(self) -> int:
        """How many records are lined up for the store."""
        return len(self._unstored)

    def take_unstored(self, limit: int) -> list[Record]:
        keys = sorted(self._unstored)[:limit]
        return [self._unstored.pop(key) for key in keys]

    def _sweep_unstored(self, reached: set[Key]) -> None:
        # A record may have left the entries before it was stored, and its edges with it.
        while gone := [record.key for record in self._unstored.values()
                       if record.key in reached
                       or not record.dependencies.isdisjoint(reached)]:  # fmt: skip
            reached.update(gone)
            for key in gone:
                del self._unstored[key]

    def _outdate(self, load: Load) -> None:
        # One that has not begun to compute has read nothing yet and is as good as new.
        if load.computing and not load.stale:
            load.stale = True
            self._dependents.disconnect(load)
            self._forget(load.key)

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._dependents.disconnect(entry)

    def _expiry(self, record: Record) -> float:
        if isinstance(record.outcome, Failure):
            return self._clock() + record.outcome.life_seconds
        return float("inf")
