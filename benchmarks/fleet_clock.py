"""What happens in the simulated fleet, in the order of its times. Knows no fleet.

A heap and not simpy: what is simulated are functions that are told the time, and hosts that die
between any two events. As generators, each wait would have to expect an interrupt and its state
would stand in local variables, where no property can look; and a step took half as long again.
"""

import heapq
from collections.abc import Callable
from typing import Any


class Clock:
    """Events at one time happen in the order in which they were asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._asked = 0

    def at(self, time: float, act: Callable[..., None], *arguments: Any) -> None:
        """Nothing is taken back: who acts looks whether there is still reason to."""
        self._asked += 1
        heapq.heappush(self._heap, (max(time, self.now), self._asked, act, arguments))

    def after(self, seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        self.at(self.now + seconds, act, *arguments)

    def run(self, until: float) -> None:
        """Up to that time, with what happens at it."""
        while self._heap and self._heap[0][0] <= until:
            self.now, _, act, arguments = heapq.heappop(self._heap)
            self.events += 1
            act(*arguments)
        self.now = until
