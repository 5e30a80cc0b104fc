"""Whether a failure tells something new. Knows no clock.

Of eight batches that are under way together an outage fails all eight. That is one piece of
news: all of them were sent before the first failure could teach anything.
"""


class Rounds:
    """Counts what is sent; a failure is news if it was sent after the last news."""

    def __init__(self) -> None:
        self._sent = 0
        self._news = 0

    def send(self) -> int:
        """The number of what is sent now."""
        self._sent += 1
        return self._sent

    def is_news(self, number: int) -> bool:
        """Whether this one was sent after the last of which this was true."""
        if number <= self._news:
            return False
        self._news = self._sent
        return True
