"""Stores without a database: one that keeps definitions in this process, one that keeps none."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from anyio.lowlevel import checkpoint

from prewarm.definition import Key
from prewarm.store import Dropped, Failure, Found, Record


def _any_version(_key: Key) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class _Kept:
    record: Record
    expires: float


class MemoryDefinitions:
    """A `DefinitionStore` without a database. Holds one scope, without a bound."""

    def __init__(
        self,
        *,
        version_of: Callable[[Key], str] = _any_version,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._version_of = version_of
        self._clock = clock
        self._generation = 0
        self._kept: dict[Key, _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def version_of(self, key: Key) -> str:
        return self._version_of(key)

    async def fetch(self, keys: Collection[Key]) -> Found:
        await checkpoint()
        wanted = (self._kept[key] for key in keys if key in self._kept)
        return Found(self._generation, tuple(self._valid(wanted)))

    async def put_many(self, records: Sequence[Record], *, generation: int) -> int:
        await checkpoint()
        if generation == self._generation:
            self._kept |= {record.key: self._kept_now(record) for record in records}
        return self._generation

    async def invalidate(self, keys: Collection[Key]) -> Dropped:
        await checkpoint()
        self._generation += 1
        reached = self._reached_from(frozenset(keys))
        self._kept = {key: kept for key, kept in self._kept.items() if key not in reached}
        return Dropped(self._generation, reached)

    async def invalidate_all(self) -> int:
        await checkpoint()
        self._generation += 1
        self._kept.clear()
        return self._generation

    async def invalidate_everything(self) -> int:
        return await self.invalidate_all()

    def _valid(self, kept: Iterable[_Kept]) -> Iterable[Record]:
        now = self._clock()
        for each in kept:
            record = each.record
            if each.expires > now and record.version == self._version_of(record.key):
                yield _with_life(record, each.expires - now)

    def _kept_now(self, record: Record) -> _Kept:
        if isinstance(record.outcome, Failure):
            return _Kept(record, self._clock() + record.outcome.life_seconds)
        return _Kept(record, float("inf"))

    def _reached_from(self, keys: frozenset[Key]) -> frozenset[Key]:
        reached = keys
        while more := {key for key, kept in self._kept.items() if key not in reached
                       and not kept.record.dependencies.isdisjoint(reached)}:  # fmt: skip
            reached |= more
        return reached


def _with_life(record: Record, seconds: float) -> Record:
    if isinstance(record.outcome, Failure):
        return replace(record, outcome=replace(record.outcome, life_seconds=seconds))
    return record


class NoDefinitions:
    """A `DefinitionStore` that keeps nothing: what a cache without a store has."""

    def __init__(self) -> None:
        self._generation = 0

    def version_of(self, _key: Key) -> str:
        return ""

    async def fetch(self, _keys: Collection[Key]) -> Found:
        return Found(self._generation, ())

    async def put_many(self, _records: Sequence[Record], *, generation: int) -> int:
        return generation

    async def invalidate(self, keys: Collection[Key]) -> Dropped:
        return Dropped(await self.invalidate_all(), frozenset(keys))

    async def invalidate_all(self) -> int:
        self._generation += 1
        return self._generation

    async def invalidate_everything(self) -> int:
        return await self.invalidate_all()
