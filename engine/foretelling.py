"""Texts are embedded while other files are still being parsed. Knows no file and no visit.

A visit has to wait until all that it may read is parsed. Its texts are known as soon as its own
file is, and an embedder that answers from afar would stand idle until then.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

import anyio.abc

from engine.errors import first_failure
from engine.vectors import PaidOnce

log = logging.getLogger("widthwise.foretelling")

# So many texts are looked up in one statement.
GROUP_TEXTS = 512

# With more on their way the embedder is busy, and the rest can wait for its visits: some 12 MB.
TEXTS_IN_HAND = 4096


@runtime_checkable
class Foreteller(Protocol):
    """What a visitor may have beside `visit`."""

    def foretells(self, language: str) -> bool:
        """Whether a visit of a file in this language embeds its parsed chunks as they are.

        Its texts are then paid for before the visit, and in vain if the visit fails.
        """


class Foretelling:
    """What the visits of a pass will ask for, asked for ahead. Nobody waits for it here."""

    def __init__(self, vectors: PaidOnce, tasks: anyio.abc.TaskGroup) -> None:
        self._vectors = vectors
        self._tasks = tasks
        self._gathered: dict[bytes, str] = {}
        self._in_hand = 0

    def tell(self, texts: Callable[[], Iterable[tuple[bytes, str]]]) -> None:
        """The texts of a file that will be visited; asked for only if there is room."""
        if self._in_hand + len(self._gathered) >= TEXTS_IN_HAND:
            return
        self._gathered.update(texts())
        if len(self._gathered) >= GROUP_TEXTS:
            group, self._gathered = self._gathered, {}
            self._in_hand += len(group)
            self._tasks.start_soon(self._fetch, group)

    async def _fetch(self, group: dict[bytes, str]) -> None:
        try:
            await self._vectors.fetch(group, lambda _: None)
        except Exception as error:
            # The visits ask again and are told the same.
            log.debug("could not embed ahead: %s", first_failure(error))
        finally:
            self._in_hand -= len(group)
