"""Cut some keys out of a graph, with the edges among them and numbers of their own."""

from collections.abc import Collection
from typing import TypeAlias

import numpy as np

from resolver.adjacency import Adjacency
from resolver.interned import Interned
from resolver.key_index import KeyArray, object_array
from resolver.keys import Key
from resolver.patched import Patched
from resolver.word_table import UNKNOWN

Selection: TypeAlias = tuple[KeyArray, Adjacency]
"""Keys in order, and from each of them to those that depend on it, itself left out."""


def select(interned: Interned, keys: Collection[Key]) -> Selection:
    """By walking arrays: for large parts."""
    numbers = interned.find_all(keys)
    numbers = numbers[numbers < len(interned.index)]
    place = np.full(len(interned.index), UNKNOWN, np.int32)
    place[numbers] = np.arange(numbers.size, dtype=np.int32)
    targets, counts = interned.dependents.gather(numbers)
    whole = Adjacency.from_counts(counts, place[targets])
    return interned.index.keys[numbers], whole.without(whole.targets == UNKNOWN)


def select_few(patched: Patched, keys: Collection[Key]) -> Selection:
    """One by one: for small parts."""
    named = sorted(
        (key, number) for key in set(keys) if (number := _key_number(patched, key)) is not None
    )
    place = {number: place for place, (_, number) in enumerate(named)}
    edges = [
        (place[probe], place[number])
        for _, number in named
        for probe in patched.probes(number)
        if probe in place and probe != number
    ]
    pairs = np.array(edges, np.int32).reshape(-1, 2)
    adjacency = Adjacency.from_pairs(pairs[:, 0], pairs[:, 1], len(named))
    return object_array([key for key, _ in named]), adjacency


def _key_number(patched: Patched, key: Key) -> int | None:
    number = patched.find(key)
    return number if number is not None and patched.is_key(number) else None
