"""One leader per key among all processes of a database, by advisory locks."""

import hashlib
import random
from collections.abc import Callable, Collection, Iterator

import anyio

from prewarm.advisory_locks import AdvisoryLocks
from prewarm.definition import Key


class PostgresCoalescer:
    """A `Coalescer` for one scope. Several scopes of a process share their locks.

    A leader that dies loses its locks with its connection, and a follower takes over.
    Followers hear of a release, and look themselves in growing, jittered intervals.
    """

    def __init__(
        self,
        locks: AdvisoryLocks,
        scope: str,
        *,
        poll_seconds: float = 0.05,
        max_poll_seconds: float = 1.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`jitter` draws from [0, 1)."""
        self._locks = locks
        self._scope = scope
        self._poll_seconds = poll_seconds
        self._max_poll_seconds = max_poll_seconds
        self._jitter = jitter

    async def try_lead(self, keys: Collection[Key]) -> frozenset[Key]:
        locks = {key: self._lock(key) for key in keys}
        taken = await self._locks.try_lock(locks.values())
        return frozenset(key for key, lock in locks.items() if lock in taken)

    async def lead(self, key: Key) -> None:
        lock = self._lock(key)
        for seconds in self._intervals():
            # Watch, then look: a release in between sets the event.
            with self._locks.watching(lock) as unlocked:
                if await self._locks.try_lock((lock,)):
                    return
                with anyio.move_on_after(seconds):
                    await unlocked.wait()

    async def release(self, keys: Collection[Key]) -> None:
        await self._locks.unlock([self._lock(key) for key in keys])

    def _lock(self, key: Key) -> int:
        named = f"{self._scope}\0{key}".encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(named, digest_size=8, person=b"definition")
        return int.from_bytes(digest.digest(), "big", signed=True)

    def _intervals(self) -> Iterator[float]:
        seconds = self._poll_seconds
        while True:
            yield seconds * (0.5 + self._jitter() / 2)
            seconds = min(seconds * 2, self._max_poll_seconds)
