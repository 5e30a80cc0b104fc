"""What stays in memory of each file that a pass has loaded, in some fifty bytes a file.

Knows no definition and no file. As tuples of strings the same took 480 bytes: with 100,000 files
it was a seventh of what a pass held.
"""

from array import array
from collections.abc import Mapping
from typing import Final, NamedTuple

_HASH_BYTES: Final = 16
_DIGEST_BYTES: Final = 2 * _HASH_BYTES


class Facts(NamedTuple):
    """What is known of a file once it was loaded.

    The edges are the files whose definitions its visit is likely to read. The fingerprint
    is that of its definition or, where there is none, of the error.
    """

    content_hash: bytes
    edges: tuple[str, ...]
    fingerprint: str
    error: str | None


class LoadedFacts:
    """The facts by key. Those that fit are in arrays, in the row that the snapshot has for it."""

    def __init__(self, rows: Mapping[str, int]) -> None:
        """`rows` counts the keys of the snapshot, in their order."""
        self._rows = rows
        self._keys = tuple(rows)
        self._digests = bytearray(_DIGEST_BYTES * len(self._keys))
        # Where the edges of a row begin, plus one, and how many they are; 0 before it is loaded.
        self._starts = array("Q", [0]) * len(self._keys)
        self._counts = array("I", [0]) * len(self._keys)
        self._edges = array("I")
        self._others: dict[str, Facts] = {}

    def put(self, key: str, facts: Facts) -> None:
        """Keep these; what was known of `key` before is forgotten."""
        self._others.pop(key, None)
        row, edges = self._rows.get(key), [self._rows.get(edge) for edge in facts.edges]
        digest = _digest(facts)
        if row is None or digest is None or None in edges:
            self._others[key] = facts
            return
        self._digests[row * _DIGEST_BYTES : (row + 1) * _DIGEST_BYTES] = digest
        self._starts[row], self._counts[row] = len(self._edges) + 1, len(edges)
        self._edges.extend(edge for edge in edges if edge is not None)

    def get(self, key: str) -> Facts | None:
        """What is known of `key`; nothing if it was not loaded."""
        if key in self._others:
            return self._others[key]
        row = self._rows.get(key, -1)
        if row < 0 or not self._starts[row]:
            return None
        digest = self._digests[row * _DIGEST_BYTES : (row + 1) * _DIGEST_BYTES]
        start = self._starts[row] - 1
        edges = self._edges[start : start + self._counts[row]]
        return Facts(
            bytes(digest[:_HASH_BYTES]),
            tuple([self._keys[edge] for edge in edges]),
            digest[_HASH_BYTES:].hex(),
            None,
        )


def _digest(facts: Facts) -> bytes | None:
    """Both identities in their usual lengths; nothing for an error, or for others."""
    if facts.error is not None or len(facts.content_hash) != _HASH_BYTES:
        return None
    try:
        fingerprint = bytes.fromhex(facts.fingerprint)
    except ValueError:
        return None
    if len(fingerprint) != _HASH_BYTES or fingerprint.hex() != facts.fingerprint:
        return None
    return facts.content_hash + fingerprint
