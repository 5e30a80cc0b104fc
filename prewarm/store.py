"""What a place that keeps definitions promises, and the values that go in and out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from prewarm.definition import Definition, Key


@dataclass(frozen=True, slots=True)
class Failure:
    """A load that failed: why, and for how many more seconds this is the answer."""

    reason: str
    life_seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome of one load.

    `version` names the content that was loaded. `dependencies` are all keys that the
    outcome was computed from, those included that a failed load had read.
    """

    key: Key
    version: str
    outcome: Definition | Failure
    dependencies: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """Records as they stood at `generation`."""

    generation: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """An invalidation: the generation it made, and all keys that it reached."""

    generation: int
    keys: frozenset[Key]


class DefinitionStore(Protocol):
    """Keeps the definitions of one scope for several processes.

    Its generation counts invalidations. What was loaded before one is refused after it,
    in the statement that stores, because the invalidation may be another process's.
    """

    def version_of(self, key: Key) -> str:
        """The content hash that a record of `key` must have been made from to count.

        Empty before a load that has still to read the content; asked again after it.
        """

    async def fetch(self, keys: Collection[Key]) -> Found:
        """The records of the expected version whose life is not over, in one query."""

    async def put_many(self, records: Sequence[Record], *, generation: int) -> int:
        """Keep all records if the generation is still `generation`, else none.

        Answers with the generation that it found. No key may come twice.
        """

    async def invalidate(self, keys: Collection[Key]) -> Dropped:
        """Drop the keys and whatever was computed from them, transitively."""

    async def invalidate_all(self) -> int:
        """Drop the whole scope. Answers with the new generation."""

    async def invalidate_everything(self) -> int:
        """Drop all scopes of this store. Answers with the new generation of this one."""
