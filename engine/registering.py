"""What must be known of an embedder before it is used, and the number its vectors have."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg
from pgvector import HalfVector

from engine.embedders import BadVectors, Embedder, EmbedderUnavailable, Vectors, checked
from engine.embedders.remote import RemoteEmbedder
from engine.errors import PermanentFailure, Throttled
from engine.index.search import register_embedder
from engine.index.sql import query

log = logging.getLogger("widthwise.embedders")

# No row of the database has it: who searches without an embedder searches by words.
NO_EMBEDDER: Final = 0

# The cosine of two vectors of one text. Providers whose answers differ a little from call to call
# stay above it; another version of a model is far below.
SAME_MODEL: Final = 0.999

_TROUBLE = (BadVectors, EmbedderUnavailable, PermanentFailure, Throttled)


@asynccontextmanager
async def registered(
    pool: asyncpg.Pool, embedder: Embedder, *, required: bool
) -> AsyncIterator[int]:
    """The number of the embedder's vectors; a provider is open for the length of the block.

    Its model and size are learned from one text. When that fails, the size that was asked for
    or that it had the last time will do: a server comes up while its provider is down. If
    there is none, the failure is raised. If that text has another vector than the last time,
    the model is another one, whatever its name: a new edition, by which all is embedded again.

    Who does not index, for whom no embedder is `required`, takes size and edition of the last
    time without asking; if there is none and the provider is down, it searches by words.
    """
    if not isinstance(embedder, RemoteEmbedder):
        yield await register_embedder(pool, embedder)
        return
    async with embedder:
        last = await _last(pool, embedder, embedder.asked_dimension)
        if last is None and embedder.asked_dimension:
            last = _Last(embedder.asked_dimension)
        if await _is_measured(embedder, last, required=required):
            yield await _registered(pool, embedder)
        else:
            yield NO_EMBEDDER


@dataclass(frozen=True, slots=True)
class _Last:
    """What an embedder was when it was asked the last time."""

    dimension: int
    edition: int = 1
    sample: HalfVector | None = None

    def edition_of(self, sample: Vectors) -> int:
        """Which edition gives the vector `sample`; without an older one there is no telling."""
        if self.sample is None:
            return self.edition
        similarity = float(sample[0] @ checked([self.sample.to_list()], 1, self.dimension)[0])
        return self.edition if similarity >= SAME_MODEL else self.edition + 1


async def _last(
    pool: asyncpg.Pool, embedder: RemoteEmbedder, dimension: int | None
) -> _Last | None:
    row = await pool.fetchrow(query("select_last_embedder"), embedder.identity, dimension)
    return _Last(**row) if row else None


async def _is_measured(embedder: RemoteEmbedder, last: _Last | None, *, required: bool) -> bool:
    """Whether the size is known now; raises why not, if the embedder is `required`."""
    if last is not None and not required:
        embedder.assume(last.dimension, edition=last.edition)
        return True
    try:
        await embedder.probe()
    except _TROUBLE as error:
        if last is None and required:
            raise
        log.warning("the embedder does not answer: %s", error)
        if last is not None:
            embedder.assume(last.dimension, edition=last.edition)
    return last is not None or embedder.is_measured


async def _registered(pool: asyncpg.Pool, embedder: RemoteEmbedder) -> int:
    sample = embedder.sample
    if sample is None:
        return await register_embedder(pool, embedder, edition=embedder.edition)
    last = await _last(pool, embedder, embedder.dimension)
    if last is not None:
        embedder.assume(last.dimension, edition=last.edition_of(sample))
        if embedder.edition != last.edition:
            log.warning("%r: another model under the same name: all is embedded again", embedder)
    return await register_embedder(
        pool, embedder, edition=embedder.edition, sample=HalfVector(sample[0])
    )
