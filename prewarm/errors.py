"""What can go wrong with a definition."""

from prewarm.definition import Key


class DefinitionError(Exception):
    """The definition of `key` could not be loaded; `reason` is one line for people.

    The same reason is given to whoever asks again during the error's short life.
    """

    def __init__(self, key: Key, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}"


class CircularWait(Exception):
    """A flight would have waited, through others or directly, for itself."""
