"""One piece of work shared by all who ask for it at once. Knows nothing of definitions.

The work runs in the task of a caller, so it needs no task of its own and none can leak.
When that caller is cancelled, the work is handed over: one of those who still wait begins
it again. When nobody waits any more, it is cancelled for good.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from prewarm.bell import Bell
from prewarm.errors import CircularWait

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """At most one flight per key. A result or an error goes to those who waited for it.

    The next caller after a landing starts anew. A call made from within another flight,
    of whichever `SingleFlight`, is known to hold that one up; where it would wait for
    itself, `do` raises `CircularWait` instead.
    """

    def __init__(self) -> None:
        self._flights: dict[K, Flight[V]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def __contains__(self, key: K) -> bool:
        return key in self._flights

    async def do(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        if self.would_wait_for_itself(key):
            raise CircularWait(key)
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = Flight()
        try:
            return await flight.result(work)
        finally:
            if flight.over and self._flights.get(key) is flight:
                del self._flights[key]

    def would_wait_for_itself(self, key: K) -> bool:
        """Whether the flight of `key` can't land before the one that the caller is part of."""
        flight, within = self._flights.get(key), current_flight()
        return flight is not None and within is not None and flight.waits_for(within)

    def forget(self, key: K) -> None:
        """Let the next caller start anew. Those who wait already still get the result."""
        self._flights.pop(key, None)


@dataclass(eq=False, slots=True)
class Flight(Generic[V]):
    """Work in the air, who waits for it, and which flights it waits for."""

    callers: int = 0
    held_up: int = 0
    """How many other flights can't land before this one."""
    flying: bool = False
    landing: _Landing[V] | None = None
    changed: Bell = field(default_factory=Bell)
    awaited: list[Flight[Any]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.landing is not None or self.callers == 0

    async def result(self, work: Callable[[], Awaitable[V]]) -> V:
        within = current_flight()
        self._board(within)
        try:
            while self.landing is None:
                if self.flying:
                    await self.changed.wait()
                else:
                    await self._fly(work)
        finally:
            self._leave(within)
        return self.landing.unwrap()

    def waits_for(self, other: Flight[Any]) -> bool:
        """Whether this flight is `other` or waits for it, directly or through others."""
        seen: set[Flight[Any]] = {self}
        ahead: list[Flight[Any]] = [self]
        while ahead:
            flight = ahead.pop()
            if flight is other:
                return True
            ahead.extend(each for each in flight.awaited if each not in seen)
            seen.update(flight.awaited)
        return False

    def _board(self, within: Flight[Any] | None) -> None:
        self.callers += 1
        if within is not None:
            self.held_up += 1
            within.awaited.append(self)

    def _leave(self, within: Flight[Any] | None) -> None:
        self.callers -= 1
        if within is not None:
            self.held_up -= 1
            within.awaited.remove(self)

    async def _fly(self, work: Callable[[], Awaitable[V]]) -> None:
        self.flying = True
        token = _current.set(self)
        try:
            self.landing = _Landing(value=await work())
        except Exception as error:
            self.landing = _Landing(error=error)
        finally:
            # Reached by cancellation too: all who wait wake up, the first of them flies.
            _current.reset(token)
            self.flying = False
            self.changed.ring()


@dataclass(frozen=True, slots=True)
class _Landing(Generic[V]):
    value: V | None = None
    error: Exception | None = None

    def unwrap(self) -> V:
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value] # None only where V allows it


_current: ContextVar[Flight[Any] | None] = ContextVar("flight", default=None)


def current_flight() -> Flight[Any] | None:
    """The flight that the caller is part of, if any."""
    return _current.get()
