"""A cable with a delay, that loses some of what it carries. Knows frames, not what is in them.

The kernel can do this too (`netem`), where it was built to; any kernel has taps.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Final

TUN: Final = "/dev/net/tun"
TUNSETIFF: Final = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000

MAX_FRAME: Final = 65_536
LONGEST_WAIT_SECONDS: Final = 0.2


@dataclass(slots=True, eq=False)
class SlowWire:
    """Both may be changed at any time: `delay_seconds` is for one way, `loss` a share of one."""

    delay_seconds: float = 0.0
    loss: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    is_cut: bool = False

    def carry(self, ends: tuple[int, int]) -> None:
        """From either end to the other, until it is cut."""
        one, other = ends
        opposite = {one: other, other: one}
        numbers = count()
        under_way: list[tuple[float, int, int, bytes]] = []
        while not self.is_cut:
            now = time.monotonic()
            while under_way and under_way[0][0] <= now:
                _, _, end, frame = heapq.heappop(under_way)
                # A device that is down takes nothing: then the frame is lost.
                with suppress(OSError):
                    os.write(end, frame)
            wait = under_way[0][0] - now if under_way else LONGEST_WAIT_SECONDS
            for end in select.select(ends, (), (), min(wait, LONGEST_WAIT_SECONDS))[0]:
                if (frame := _taken(end)) and self.chance.random() >= self.loss:
                    due = time.monotonic() + self.delay_seconds
                    heapq.heappush(under_way, (due, next(numbers), opposite[end], frame))


@contextmanager
def slow_wire(one: str, other: str) -> Iterator[SlowWire]:
    """A wire between two network devices of these names, which are gone at the end."""
    with ExitStack() as stack:
        ends = _tap(stack, one), _tap(stack, other)
        wire = SlowWire()
        thread = threading.Thread(target=wire.carry, args=(ends,), name=f"wire {one}")
        thread.start()
        try:
            yield wire
        finally:
            wire.is_cut = True
            thread.join()


def _taken(end: int) -> bytes:
    try:
        return os.read(end, MAX_FRAME)
    except OSError:
        return b""


def _tap(stack: ExitStack, name: str) -> int:
    end = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    stack.callback(os.close, end)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return end
