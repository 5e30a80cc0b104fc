"""Values that wait between two phases of a pass, off the heap. Knows nothing of their meaning."""

import pickle
import tempfile
from types import TracebackType
from typing import Any, Self

# Small trees never touch the disk; large ones cost one record in a dict per file.
MEMORY_BYTES = 8 << 20

# A value takes less than 4 GiB.
LENGTH_BITS = 32


class Spool:
    """A private, append-only temporary file: put a value under a key, take it back later.

    The file has no name, so that nothing is left of it however the process ends.
    """

    def __init__(self, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=memory_bytes)  # noqa: SIM115
        # The start and, in the lowest bits, the length: a quarter of what a pair of them takes.
        self._places: dict[str, int] = {}
        self._end = 0
        # To seek, even to where the file stands, gives its buffer up.
        self._is_at_end = True

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        self._file.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def put(self, key: str, value: Any) -> None:
        """Keep `value`; what was kept under `key` before can't be reached any more."""
        data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        if not self._is_at_end:
            self._file.seek(self._end)
            self._is_at_end = True
        self._file.write(data)
        self._places[key] = self._end << LENGTH_BITS | len(data)
        self._end += len(data)

    def get(self, key: str) -> Any:
        """What was put last under `key`; `KeyError` if nothing was."""
        start, length = divmod(self._places[key], 1 << LENGTH_BITS)
        self._is_at_end = False
        self._file.seek(start)
        return pickle.loads(self._file.read(length))  # noqa: S301 - written by this process
