"""The stamps of all files of a snapshot, each in 80 bytes where a tuple of numbers takes 210."""

import struct
from collections.abc import Iterable, Iterator, KeysView, Mapping

from engine.sources import SourceFile, Stamp

# Size and times are signed, as a file may be dated before 1970.
_NUMBERS = struct.Struct("<qqqQ")


class PackedStamps(Mapping[str, Stamp]):
    """By key. What does not fit, of a source of somebody else's, is kept as it is."""

    def __init__(self, files: Iterable[SourceFile]) -> None:
        self._packed = {file.key: _packed(file.stamp) for file in files}

    def __getitem__(self, key: str) -> Stamp:
        packed = self._packed[key]
        return Stamp(*_NUMBERS.unpack(packed)) if isinstance(packed, bytes) else packed

    def __contains__(self, key: object) -> bool:
        return key in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def keys(self) -> KeysView[str]:
        return self._packed.keys()


def _packed(stamp: Stamp) -> bytes | Stamp:
    try:
        return _NUMBERS.pack(*stamp)
    except struct.error:
        return stamp
