"""What must be known of an embedder before it is used, and the number its vectors have."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from engine.embedders import BadVectors, Embedder, EmbedderUnavailable
from engine.embedders.remote import RemoteEmbedder
from engine.errors import BadSetting, PermanentFailure, Throttled
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
    or that it had the last time will do: a server comes up while its provider is down. When
    there is none, that failure is raised if the embedder is `required`.
    """
    if not isinstance(embedder, RemoteEmbedder):
        yield await register_embedder(pool, embedder)
        return
    async with embedder:
        try:
            await _measure(embedder, lambda: _remembered(pool, embedder.identity))
        except _TROUBLE as error:
            if required:
                raise
            log.warning("searching by words alone: %s", error)
            yield NO_EMBEDDER
        else:
            yield await register_embedder(pool, embedder)


async def _measure(
    embedder: RemoteEmbedder, remembered: Callable[[], Awaitable[int | None]]
) -> None:
    try:
        await embedder.probe()
    except BadSetting:
        raise
    except _TROUBLE as error:
        size = embedder.asked_dimension or await remembered()
        if size is None:
            raise
        embedder.assume(size)
        log.warning("going on as if vectors had %d numbers, as they should: %s", size, error)


async def _remembered(pool: asyncpg.Pool, identity: str) -> int | None:
    found: int | None = await pool.fetchval(query("select_embedder_dimension"), identity)
    return found
