"""Files that a process has parsed and may soon visit, within a bound. Knows no cluster."""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from engine.analyse import Analysed

MAX_BYTES: Final = 64 << 20


class Parsed:
    """Each may be taken out once; the oldest go when there are too many."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._files: OrderedDict[tuple[UUID, str], Analysed] = OrderedDict()

    def put(self, token: UUID, analysed: Analysed) -> None:
        self.pop(token, analysed.key)
        self._files[token, analysed.key] = analysed
        self._bytes += len(analysed.chunks)
        while self._bytes > self._max_bytes:
            _, oldest = self._files.popitem(last=False)
            self._bytes -= len(oldest.chunks)

    def pop(self, token: UUID, key: str) -> Analysed | None:
        found = self._files.pop((token, key), None)
        if found is not None:
            self._bytes -= len(found.chunks)
        return found
