"""What can go wrong with a source: with all of it, or with one of its files."""


class SourceError(Exception):
    """The source as a whole can't be read: the pass fails, and nothing counts as deleted."""


class SourceMissing(SourceError):
    """Nothing of its kind is where the source should be: to try again is of no use."""


class FileGone(Exception):
    """Nothing is at this key any more: a deletion, not a failure."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: gone since it was listed")
        self.key = key


class FileTooLarge(Exception):
    """The file holds `size` bytes (at least, when it grew under the reader)."""

    def __init__(self, key: str, size: int, max_bytes: int) -> None:
        super().__init__(f"{key}: {size} bytes, over the limit of {max_bytes}")
        self.key = key
        self.size = size
        self.max_bytes = max_bytes

    def __reduce__(self) -> tuple[type["FileTooLarge"], tuple[str, int, int]]:
        return FileTooLarge, (self.key, self.size, self.max_bytes)


class Unreadable(Exception):
    """Something is at this key that can't be read as a file; `reason` says why."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason

    def __reduce__(self) -> tuple[type["Unreadable"], tuple[str, str]]:
        return Unreadable, (self.key, self.reason)
