"""How long a pass bears with an embedder that refuses or fails now and then. Pure."""

from collections.abc import Callable

FIRST_PAUSE_SECONDS = 0.05
FIRST_RETRY_SECONDS = 0.1
MAX_RETRY_SECONDS = 5.0

# A batch that fails so often has a fault of its own.
MAX_TRIES = 4

# One batch in so many may be sent again. Until as many have come back there is no telling a
# slip from an embedder that is down or wrong, so the pass ends, and the job tries again.
ANSWERS_PER_RETRY = 10
MAX_RETRIES_SAVED = 10


class Patience:
    """Earned by answers, spent on failures. `spread` is random, from 0 up to 1."""

    def __init__(self, *, pause_seconds: float, spread: Callable[[], float]) -> None:
        self._pause_seconds = pause_seconds
        self._spread = spread
        self._answers = 0
        self._refusals = 0
        self._refused_since = 0.0

    def answered(self) -> None:
        self._answers = min(self._answers + 1, MAX_RETRIES_SAVED * ANSWERS_PER_RETRY)
        self._refusals = 0

    def retry(self, tries: int, *, is_news: bool) -> float | None:
        """Seconds to wait before a batch that failed goes again; nothing if it should not.

        Of batches that were sent together, and fail together, only the first is charged.
        """
        price = ANSWERS_PER_RETRY if is_news else 0
        if tries + 1 >= MAX_TRIES or self._answers < price:
            return None
        self._answers -= price
        return min(FIRST_RETRY_SECONDS * 2.0**tries * (1.0 + self._spread()), MAX_RETRY_SECONDS)

    def pause(self, now: float, asked: float | None) -> float | None:
        """Seconds for which nothing is sent after a refusal; nothing if that is too long.

        What the embedder asked for, or else a little, twice as long each time. Together they
        may be `pause_seconds` from one answer to the next.
        """
        if not self._refusals:
            self._refused_since = now
        seconds = self._guess() if asked is None else asked
        self._refusals += 1
        waited = now - self._refused_since
        return seconds if waited + seconds <= self._pause_seconds else None

    def _guess(self) -> float:
        # Between answers one refusal only means: fewer at once.
        if not self._refusals:
            return 0.0
        octave = FIRST_PAUSE_SECONDS * 2.0 ** min(self._refusals - 1, 32)
        return octave * (1.0 + self._spread())
