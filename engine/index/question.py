"""The vector of a question, or the reason why it has to be answered by words alone."""

import logging
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from engine.embedders import Embedder, question_row
from engine.embedding import Breaker, tells_of_outage
from engine.errors import WidthwiseError

log = logging.getLogger("widthwise.search")

# Whoever asks first after a pause may wait in vain, so pauses grow; but searches without
# vectors are worse than they could be, so not as long as those of jobs.
_LONGEST_PAUSE_SECONDS: Final = 60.0


class Questions:
    """Puts questions to the embedder whose vectors have the number `embedder_id`.

    `problem` says why the latest could not be embedded; it is empty when that one was. An
    embedder that fails again and again is left alone for a while, so that nobody waits for
    what does not come. It is not the breaker of the passes: those have longer to wait.
    """

    def __init__(
        self, embedder: Embedder, embedder_id: int, *, breaker: Breaker | None = None
    ) -> None:
        self._embedder = embedder
        self._embedder_id = embedder_id
        self._breaker = breaker or Breaker(most_seconds=_LONGEST_PAUSE_SECONDS)
        self._failure = ""
        self.problem = ""

    async def vector(self, text: str) -> tuple[HalfVector | None, int | None]:
        """The vector and whose it is; neither when the embedder is of no use just now."""
        if seconds := self._breaker.closed_in():
            self.problem = f"{self._failure}; it is asked again in {seconds:.0f} s"
            return None, None
        try:
            row = await self._asked(text)
        except Exception as error:  # whatever it is, there are words to search by
            self._note(error)
            return None, None
        self.problem = self._failure = ""
        return HalfVector(row), self._embedder_id

    async def _asked(self, text: str) -> NDArray[np.float32]:
        number = self._breaker.send()
        try:
            row = await question_row(self._embedder, text)
        except Exception as error:
            if tells_of_outage(error):
                self._breaker.failed(number)
            else:
                self._breaker.answered(number)
            raise
        else:
            self._breaker.answered(number)
            return row
        finally:
            self._breaker.forget(number)

    def _note(self, error: Exception) -> None:
        # What others say may hold what nobody should read in a log.
        says = f": {error}" if isinstance(error, WidthwiseError) else ""
        problem = f"{type(error).__name__}{says}"
        if problem != self._failure:
            log.warning("searching by words alone, the question has no vector: %s", problem)
        self.problem = self._failure = problem
