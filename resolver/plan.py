"""In which order to visit some keys, and when each may start. Knows no files, only keys."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice

import numpy as np

from resolver.adjacency import Adjacency, IntArray
from resolver.heaviest import heaviest_chain
from resolver.key_index import KeyArray
from resolver.keys import Key
from resolver.layering import layer
from resolver.readiness import Readiness

_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class PlanStatistics:
    """Sizes of a plan and where it stands: `waiting`, `running` and `done` add up to `keys`.

    `units` are components, `cycles` those of more than one key, `largest_cycle` the
    number of keys in the largest of these. What is ready but not handed out is waiting.
    """

    keys: int
    units: int
    max_layer_width: int
    topo_depth: int
    cycles: int
    largest_cycle: int
    waiting: int
    running: int
    done: int


class Plan:
    """Keys in dependency order, with readiness.

    The order is by layer, then by the smallest key of the component, then by key, all
    by code point. Keys that depend on each other in a cycle share a layer. The order
    never changes; `ready` and `done` move on through it, once.
    """

    def __init__(self, keys: KeyArray, dependents: Adjacency) -> None:
        """`keys` ascend; `dependents` leads from a key to those that wait for it."""
        self._keys, self._dependents = keys, dependents
        self._layering = layer(dependents)
        self._running: dict[Key, int] = {}
        self._done = 0

    @cached_property
    def order(self) -> tuple[Key, ...]:
        """All keys, each after those it depends on, cycles aside."""
        return tuple(self._keys[self._sequence].tolist())

    @cached_property
    def layers(self) -> tuple[tuple[Key, ...], ...]:
        """The order, cut where the height rises."""
        # Not by way of `order`, which would take memory that few have a use for.
        pieces = (
            self._keys[self._sequence[first : first + _PIECE]].tolist()
            for first in range(0, len(self), _PIECE)
        )
        remaining = chain.from_iterable(pieces)
        return tuple(tuple(islice(remaining, width)) for width in self._widths)

    def height(self, key: Key) -> int:
        """The number of the key's layer, from 0."""
        row = bisect_left(self._keys, key)
        if row == len(self) or self._keys[row] != key:
            raise KeyError(f"{key} is not in this plan")
        return int(self._layering.heights[row])

    @property
    def widths(self) -> tuple[int, ...]:
        """How many keys each layer has."""
        return tuple(self._widths)

    @property
    def max_layer_width(self) -> int:
        return max(self._widths, default=0)

    @property
    def topo_depth(self) -> int:
        return len(self._widths)

    @cached_property
    def units(self) -> int:
        """How many components there are."""
        return self._layering.unit_count()

    @cached_property
    def cycles(self) -> tuple[tuple[Key, ...], ...]:
        """The components of more than one key, sorted, their keys too."""
        return tuple(tuple(self._keys[cycle].tolist()) for cycle in self._layering.cycles())

    @cached_property
    def critical_path(self) -> tuple[Key, ...]:
        """A longest chain: one key of each layer, from the first to the last.

        Each key after the first, or another of its component, depends on the one before
        it. Of several such chains it is the one whose last key comes first in the order,
        then the one before that, and so on.
        """
        before = self._first_below().data
        row = int(self._sequence[len(self) - self._widths[-1]]) if self._widths else -1
        rows = []
        while row >= 0:
            rows.append(row)
            row = before[self._layering.components[row]]
        return tuple(self._keys[rows[::-1]].tolist())

    def critical_path_by(self, seconds: Mapping[Key, float]) -> tuple[Key, ...]:
        """The chain whose seconds add up to the most: no number of visitors makes it shorter.

        Each key after the first, or another of its component, depends on the one before it.
        A key without seconds took none.
        """
        took = [seconds.get(key, 0.0) for key in self._keys.tolist()]
        rows = heaviest_chain(self._dependents, self._layering, self._sequence.tolist(), took)
        return tuple(self._keys[rows].tolist())

    def ready(self, limit: int | None = None) -> tuple[Key, ...]:
        """Keys that may start now, at most `limit`; each is handed out once.

        A key may start when everything it depends on outside its component is done, so
        the keys of a component become ready together. Those with the longest chain
        behind them come first, among equals the order of the plan decides.
        """
        if limit is not None and limit < 0:
            raise ValueError(f"limit is {limit}, expected at least 0")
        rows = self._readiness.take(limit)
        keys = tuple(self._keys[rows].tolist())
        self._running.update(zip(keys, rows, strict=True))
        return keys

    def done(self, key: Key) -> None:
        """A key that was handed out is finished, well or badly: its dependents may start."""
        row = self._running.pop(key, None)
        if row is None:
            raise ValueError(f"{key} is not running: ready() did not return it, or it is done")
        self._done += 1
        self._readiness.finish(row)

    def behind(self, key: Key) -> int:
        """How many layers wait for a key that is running; `KeyError` if it is not."""
        return self._readiness.behind(self._running[key])

    @property
    def behind_next(self) -> int:
        """The same of the key that `ready` would hand out first; -1 if none is ready."""
        return self._readiness.behind_next()

    @property
    def ready_count(self) -> int:
        """How many keys `ready` would hand out without a limit."""
        return len(self._readiness)

    @property
    def is_done(self) -> bool:
        """Whether every key was handed out and is done."""
        return self._done == len(self)

    def statistics(self) -> PlanStatistics:
        return PlanStatistics(
            keys=len(self),
            units=self.units,
            max_layer_width=self.max_layer_width,
            topo_depth=self.topo_depth,
            cycles=len(self.cycles),
            largest_cycle=max(map(len, self.cycles), default=0),
            waiting=len(self) - len(self._running) - self._done,
            running=len(self._running),
            done=self._done,
        )

    def __len__(self) -> int:
        return self._keys.size

    def __iter__(self) -> Iterator[Key]:
        return iter(self.order)

    def __repr__(self) -> str:
        return (
            f"<Plan of {len(self)} keys in {self.topo_depth} layers, "
            f"at most {self.max_layer_width} wide, {len(self.cycles)} cycles, {self._done} done>"
        )

    @cached_property
    def _sequence(self) -> IntArray:
        return self._layering.sequence()

    @cached_property
    def _widths(self) -> list[int]:
        return self._layering.widths()

    @cached_property
    def _readiness(self) -> Readiness:
        return Readiness(self._dependents, self._layering, self._sequence)

    def _first_below(self) -> IntArray:
        """For each component, at its first row, the dependency to name from the layer below.

        It is the first in the order, and -1 in the lowest layer.
        """
        heights, components = self._layering.heights, self._layering.components
        sources, targets = self._dependents.owners(), self._dependents.targets
        rising = heights[targets] == heights[sources] + 1
        place = np.empty(len(self), np.int32)
        place[self._sequence] = np.arange(len(self), dtype=np.int32)
        first = np.full(len(self), len(self), np.int32)
        np.minimum.at(first, components[targets[rising]], place[sources[rising]])
        return np.append(self._sequence, np.int32(-1))[first]
