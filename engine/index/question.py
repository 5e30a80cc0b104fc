"""The vector of a question, or the reason why it has to be answered by words alone."""

import logging

from pgvector import HalfVector

from engine.embedders import Embedder, question_row
from engine.errors import WidthwiseError

log = logging.getLogger("widthwise.search")


class Questions:
    """Puts questions to the embedder whose vectors have the number `embedder_id`.

    `problem` says why the latest could not be embedded; it is empty when that one was.
    """

    def __init__(self, embedder: Embedder, embedder_id: int) -> None:
        self._embedder = embedder
        self._embedder_id = embedder_id
        self.problem = ""

    async def vector(self, text: str) -> tuple[HalfVector | None, int | None]:
        """The vector and whose it is; neither when the embedder is of no use just now."""
        try:
            row = await question_row(self._embedder, text)
        except Exception as error:  # whatever it is, there are words to search by
            self._note(error)
            return None, None
        self.problem = ""
        return HalfVector(row), self._embedder_id

    def _note(self, error: Exception) -> None:
        # What others say may hold what nobody should read in a log.
        says = f": {error}" if isinstance(error, WidthwiseError) else ""
        problem = f"{type(error).__name__}{says}"
        if problem != self.problem:
            log.warning("searching by words alone, the question has no vector: %s", problem)
        self.problem = problem
