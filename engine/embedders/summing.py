"""What the bundled embedders share: all they need is a vector for each word."""

from collections.abc import Callable, Sequence

import anyio
import anyio.to_thread

from engine.embedders.bag import BagOfWords, Row
from engine.embedders.embedder import Vectors

DIMENSION = 256


class SummingEmbedder:
    """Sums the vectors of a text's words. `vector_of` must depend on the word alone."""

    def __init__(self, vector_of: Callable[[str], Row], *, fingerprint: str) -> None:
        self._bag = BagOfWords(vector_of, DIMENSION)
        self._fingerprint = fingerprint
        self._one_thread = anyio.CapacityLimiter(1)

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def dimension(self) -> int:
        return DIMENSION

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return await anyio.to_thread.run_sync(self.embed_here, texts, limiter=self._one_thread)

    def embed_here(self, texts: Sequence[str]) -> Vectors:
        """The same in this thread: for a worker process, which has no event loop."""
        return self._bag.sums(texts)
