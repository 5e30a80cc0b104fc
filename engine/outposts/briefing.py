"""What a process of a cluster is told of a pass: values only. Holds no content and no secret."""

import pickle
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from engine.index.working import Fence
from engine.loaded_facts import Facts
from engine.sources import KINDS, Source, Stamp
from engine.visit import Visitor


class Terms(NamedTuple):
    """How entries are made. An outpost that would make others has to say so and do nothing.

    `visitor` names a class that needs no arguments, as `module:Class`.
    """

    token: UUID
    recipe: str
    visitor: str


class Seen(NamedTuple):
    """What the live index knows of a file that was not loaded in this pass."""

    content_hash: bytes
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Briefing:
    """Once for each outpost and pass: the snapshot, what the pass found of its files, the fence.

    Some 150 bytes a file. `facts` are those of files that were loaded in this pass; `recorded`
    those of the others.
    """

    terms: Terms
    realm_id: int
    realm: str
    fence: Fence
    embedder_id: int
    listed_at_ns: int
    keeps_chunks: bool
    source: Source
    stamps: Mapping[str, Stamp]
    facts: Mapping[str, Facts]
    recorded: Mapping[str, Seen]

    def packed(self) -> bytes:
        return zlib.compress(pickle.dumps(self, protocol=pickle.HIGHEST_PROTOCOL), level=1)


def unpacked(packed: bytes) -> Briefing:
    return pickle.loads(zlib.decompress(packed))  # type: ignore[no-any-return]  # noqa: S301 - ours


class Errand(NamedTuple):
    """Files that are ready to be visited; with a `briefing` if the outpost asked for it."""

    token: UUID
    keys: tuple[str, ...]
    briefing: bytes = b""


@dataclass(frozen=True, slots=True)
class Visited:
    """What became of an errand: its rows are written."""

    seconds: dict[str, float]
    failed: int
    chunks: int
    texts: int


def name_of(visitor: Visitor) -> str:
    """How an outpost finds the visitor's class. What the object holds does not travel."""
    kind: Callable[..., Visitor] = type(visitor)
    return f"{kind.__module__}:{kind.__qualname__}"


def can_travel(source: Source) -> bool:
    """Whether a copy may be sent: another's source may hold a password."""
    return source.describe().get("kind") in KINDS
