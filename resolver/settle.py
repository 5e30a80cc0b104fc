"""Turn a patched graph back into plain arrays."""

from collections.abc import Mapping

import numpy as np

from resolver.adjacency import Adjacency, IntArray
from resolver.interned import Interned
from resolver.key_index import KeyIndex, object_array
from resolver.keys import Key, is_plain
from resolver.patched import Patched
from resolver.word_table import UNKNOWN


def settled(patched: Patched) -> Interned:
    """The same graph, its numbers in order again, without names that nobody looks for.

    Costs one pass over all edges; of the strings only those that arrived are compared.
    """
    if not patched.rows:
        return patched.interned
    index, former = _merged_keys(patched)
    renumbered = np.full(patched.name_count, UNKNOWN, np.int32)
    renumbered[former] = np.arange(former.size, dtype=np.int32)
    replaced = {file: row.probes if row else () for file, row in patched.rows.items()}
    targets, counts = patched.interned.probes.with_rows(replaced, renumbered.size).gather(former)
    wanted = np.zeros(renumbered.size, np.bool_)
    wanted[targets] = True
    missing = np.flatnonzero(wanted & (renumbered == UNKNOWN))
    renumbered[missing] = np.arange(former.size, former.size + missing.size, dtype=np.int32)
    return Interned.from_probes(
        index,
        {patched.name(name): int(renumbered[name]) for name in missing.tolist()},
        Adjacency.from_counts(counts, renumbered[targets]),
        _references(patched, renumbered),
    )


def _merged_keys(patched: Patched) -> tuple[KeyIndex, IntArray]:
    """The present keys in order, and the number that each has had."""
    first_new = len(patched.interned.index)
    gone = [number for number, row in patched.rows.items() if row is None and number < first_new]
    kept = np.ones(first_new, np.bool_)
    kept[gone] = False
    arrived = sorted(
        (patched.name(number), number)
        for number, row in patched.rows.items()
        if row is not None and number >= first_new
    )
    numbers = np.flatnonzero(kept).astype(np.int32)
    keys = patched.interned.index.keys[numbers]
    arrived_keys = object_array([key for key, _ in arrived])
    places = np.searchsorted(keys, arrived_keys)
    return (
        KeyIndex(np.insert(keys, places, arrived_keys)),
        np.insert(numbers, places, [number for _, number in arrived]),
    )


def _references(patched: Patched, renumbered: IntArray) -> Mapping[int, tuple[Key, ...]]:
    """What was written in files that wrote more than plain keys."""
    kept = {
        file: references
        for file, references in patched.interned.references.items()
        if file not in patched.rows
    }
    for file, row in patched.rows.items():
        if row and not all(map(is_plain, row.references)):
            kept[file] = row.references
    return {int(renumbered[file]): references for file, references in kept.items()}
