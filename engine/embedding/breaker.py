"""Whether an embedder is asked at all. One for all passes of a process; knows none of them."""

import time
from collections.abc import Callable

from engine.embedding.rounds import Rounds
from engine.errors import Throttled
from engine.jobs.chance import CHANCE

# So many failures, each sent after the one before it was known and with no answer between
# them, are an outage. Fewer may be chance, which a job's own attempts are for.
OUTAGE_FAILURES = 3

MAX_OPEN_SECONDS = 300.0

# Who finds another pass trying whether the embedder is back asks again after this.
PROBE_SECONDS = 1.0


class EmbedderOutage(Throttled):
    """The embedder has failed again and again: jobs wait for it, and no attempt is counted."""


class Breaker:
    """Opens at an outage, for `base_seconds` and twice as long each time; then one call goes.

    If that is answered all is as before, if it fails the breaker is open again.
    """

    def __init__(
        self,
        *,
        base_seconds: float = 5.0,
        most_seconds: float = MAX_OPEN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        spread: Callable[[], float] = CHANCE.random,
    ) -> None:
        self._base_seconds = base_seconds
        self._most_seconds = most_seconds
        self._clock = clock
        self._spread = spread
        self._rounds = Rounds()
        self._failures = 0
        self._open_until = 0.0
        self._probe: int | None = None

    @property
    def is_open(self) -> bool:
        return self._failures >= OUTAGE_FAILURES

    def closed_in(self) -> float:
        """Seconds until a call may be tried; 0 if it may go now."""
        if not self.is_open:
            return 0.0
        probing = PROBE_SECONDS if self._probe is not None else 0.0
        return max(self._open_until - self._clock(), probing)

    def send(self) -> int:
        """A call goes; its number is to be given to exactly one of the three below."""
        number = self._rounds.send()
        if self.is_open:
            self._probe = number
        return number

    def answered(self, number: int) -> None:
        """The embedder works, whatever it said."""
        self._failures = 0
        self.forget(number)

    def failed(self, number: int) -> None:
        if self._rounds.is_news(number):
            self._failures += 1
            if self.is_open:
                self._open()
        self.forget(number)

    def forget(self, number: int) -> None:
        """Nobody waits for the call any more, or it says nothing of the embedder."""
        if self._probe == number:
            self._probe = None

    def _open(self) -> None:
        times = min(self._failures - OUTAGE_FAILURES, 16)
        seconds = min(self._base_seconds * 2.0**times, self._most_seconds)
        self._open_until = self._clock() + seconds * (1.0 + self._spread() / 2)
