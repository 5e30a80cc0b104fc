"""Clustered vectors in skewed realms, block by block. Knows nothing of tables.

Any block can be made again from the seed, so tens of millions need no memory: the questions are
made first, from the blocks they come from, and their true answers are found as the blocks go by.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.generated_chunks import CHUNKS_PER_FILE, Vectors

BLOCK: Final = 10_000
DIMENSION: Final = 256
NEAREST: Final = 10

# What COPY takes in binary: a header, rows of fields with their lengths before them, an end.
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_FIELDS: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("id_bytes", ">i4"),
        ("id", ">i8"),
        ("realm_bytes", ">i4"),
        ("realm", ">i4"),
        ("vector_bytes", ">i4"),
        ("dimension", ">i2"),
        ("unused", ">i2"),
        ("vector", ">f2", (DIMENSION,)),
    ]
)

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stream:
    """Row by row its realm and cluster; the vectors are made when they are asked for."""

    centres: Vectors
    realm: NDArray[np.int32]
    cluster: NDArray[np.int32]
    seed: int

    def __len__(self) -> int:
        return len(self.realm)

    def blocks(self) -> Iterator[tuple[Rows, Vectors]]:
        for first in range(0, len(self), BLOCK):
            rows = np.arange(first, min(first + BLOCK, len(self)))
            yield rows, self.vectors(rows)

    def vectors(self, rows: Rows) -> Vectors:
        """Of the rows of one whole block."""
        chance = np.random.default_rng((self.seed, int(rows[0]) // BLOCK))
        return _around(self.centres[self.cluster[rows]], 0.8, chance)


def stream(rows: int, *, realms: int, seed: int = 1) -> Stream:
    """What is near each other tends to stand in one realm; one file in ten stands anywhere."""
    chance = np.random.default_rng(seed)
    files = -(-rows // CHUNKS_PER_FILE)
    clusters = max(20, int(rows**0.5))
    sizes = 1.0 / np.arange(1, realms + 1)
    realm_of_cluster = chance.choice(realms, clusters, p=sizes / sizes.sum())
    theme = chance.integers(0, clusters, files, dtype=np.int32)
    realm = realm_of_cluster[theme].astype(np.int32)
    astray = chance.random(files) < 0.1
    realm[astray] = chance.integers(0, realms, astray.sum())
    file = np.arange(rows, dtype=np.int32) // CHUNKS_PER_FILE
    anything = chance.integers(0, clusters, rows, dtype=np.int32)
    cluster = np.where(chance.random(rows, dtype=np.float32) < 0.7, theme[file], anything)
    centres = chance.standard_normal((clusters, DIMENSION), dtype=np.float32)
    return Stream(_unit(centres), realm[file], cluster, seed)


@dataclass(slots=True)
class Asked:
    """Questions of one realm, or of all (None), and the nearest rows of those seen so far."""

    realm: int | None
    vectors: Vectors
    nearest: Rows
    similarity: NDArray[np.float32]

    def see(self, rows: Rows, vectors: Vectors, realm: NDArray[np.int32]) -> None:
        if self.realm is not None:
            here = realm[rows] == self.realm
            rows, vectors = rows[here], vectors[here]
        similarity = np.hstack([self.similarity, self.vectors @ vectors.T])
        known = np.hstack([self.nearest, np.broadcast_to(rows, (len(self.vectors), len(rows)))])
        best = np.argpartition(-similarity, NEAREST - 1)[:, :NEAREST]
        self.similarity = np.take_along_axis(similarity, best, 1)
        self.nearest = np.take_along_axis(known, best, 1)


def asked(source: Stream, realm: int | None, count: int) -> Asked:
    """Questions near some rows of the realm, as those are that have an answer."""
    # One more, since a seed is not negative.
    chance = np.random.default_rng((source.seed, 0 if realm is None else realm + 1, count))
    within = np.arange(len(source)) if realm is None else np.flatnonzero(source.realm == realm)
    vectors = np.stack([_vector(source, int(row)) for row in chance.choice(within, count)])
    nothing = np.full((count, NEAREST), -1)
    return Asked(
        realm, _around(vectors, 0.6, chance), nothing, np.full(nothing.shape, -2, np.float32)
    )


def copied_bytes(source: Stream, rows: Rows, vectors: Vectors, *, first_id: int) -> bytes:
    """The rows as COPY takes them in binary; the middle of a file that `framed` frames."""
    fields = np.empty(len(rows), _FIELDS)
    fields["fields"], fields["id_bytes"], fields["realm_bytes"] = 3, 8, 4
    fields["vector_bytes"] = 4 + 2 * DIMENSION
    fields["dimension"], fields["unused"] = DIMENSION, 0
    fields["id"], fields["realm"], fields["vector"] = rows + first_id, source.realm[rows], vectors
    return fields.tobytes()


def framed(rows: bytes) -> bytes:
    return _HEADER + rows + _END


def _vector(source: Stream, row: int) -> Vectors:
    first = row // BLOCK * BLOCK
    rows = np.arange(first, min(first + BLOCK, len(source)))
    found: Vectors = source.vectors(rows)[row - first]
    return found


def _around(vectors: Vectors, share: float, chance: np.random.Generator) -> Vectors:
    noise = chance.standard_normal(vectors.shape, dtype=np.float32)
    return _unit(vectors + noise * np.float32(share / DIMENSION**0.5))


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)
