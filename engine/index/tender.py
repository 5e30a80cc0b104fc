"""Looks after the indexes of vectors while an engine runs jobs. Knows nothing of searches."""

import logging

import anyio

from engine.index.database import BROKEN, Database
from engine.index.vector_index import BUILD_ROWS, may_need_tending, tend_vector_indexes
from engine.jobs import JobState, News

log = logging.getLogger("widthwise.vectors")

# Passes that follow each other closely are looked after together.
PAUSE_SECONDS = 60
LOOK_SECONDS = 3_600


class Tender:
    """Tends until it is cancelled: after passes, and every hour for what others did.

    Builds need a session of their own: without any it leaves them to others.
    """

    def __init__(self, database: Database, *, build_rows: int = BUILD_ROWS) -> None:
        self._database = database
        self._build_rows = build_rows
        self._swapped = anyio.Event()

    def hear(self, news: News) -> None:
        """A pass may have brought many rows, or taken the last."""
        if news.state in (JobState.SUCCEEDED, None):
            self._swapped.set()

    async def tend_forever(self) -> None:
        if self._database.lends:
            return
        while True:
            with anyio.move_on_after(LOOK_SECONDS):
                await self._swapped.wait()
            self._swapped = anyio.Event()
            try:
                await self._tend()
            except BROKEN as error:
                log.warning("cannot look after the indexes: %s", type(error).__name__)
            await anyio.sleep(PAUSE_SECONDS)

    async def _tend(self) -> None:
        if await may_need_tending(self._database.brisk, build_rows=self._build_rows):
            await tend_vector_indexes(self._database.dsn, build_rows=self._build_rows)
