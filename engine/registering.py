"""What must be known of an embedder before it is used, and the number its vectors have."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from engine.embedders import BadVectors, Embedder, EmbedderUnavailable
from engine.embedders.remote import RemoteEmbedder
from engine.errors import PermanentFailure, Throttled
from engine.index.search import register_embedder
from engine.index.sql import query

log = logging.getLogger("widthwise.embedders")

# No row of the database has it: who searches without an embedder searches by words.
NO_EMBEDDER: Final = 0

_TROUBLE = (BadVectors, EmbedderUnavailable, PermanentFailure, Throttled)


@asynccontextmanager
async def registered(
    pool: asyncpg.Pool, embedder: Embedder, *, required: bool
) -> AsyncIterator[int]:
    """The number of the embedder's vectors; a provider is open for the length of the block.

    Its model and size are learned from one text. When that fails, the size that was asked for
    or that it had the last time will do: a server comes up while its provider is down. If
    there is none, the failure is raised.

    Who does not index, for whom no embedder is `required`, takes that size without asking; if
    there is none and the provider is down, it searches by words.
    """
    if not isinstance(embedder, RemoteEmbedder):
        yield await register_embedder(pool, embedder)
        return
    async with embedder:
        expected = embedder.asked_dimension or await pool.fetchval(
            query("select_embedder_dimension"), embedder.identity
        )
        if await _is_measured(embedder, expected, required=required):
            yield await register_embedder(pool, embedder)
        else:
            yield NO_EMBEDDER


async def _is_measured(embedder: RemoteEmbedder, expected: int | None, *, required: bool) -> bool:
    """Whether the size is known now; raises why not, if the embedder is `required`."""
    if expected is not None and not required:
        embedder.assume(expected)
        return True
    try:
        await embedder.probe()
    except _TROUBLE as error:
        if expected is None and required:
            raise
        log.warning("the embedder does not answer: %s", error)
        if expected is not None:
            embedder.assume(expected)
    return expected is not None or embedder.is_measured
