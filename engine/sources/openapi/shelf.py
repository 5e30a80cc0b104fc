"""What a catalogue keeps on disk: its parts, the last good text of each document, and what
servers want to be asked by. All of it can be lost, at the cost of some work.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.sources.source import Stamp

# What nobody has asked for in this long belongs to a state of the documents that is gone.
KEEP_SECONDS = 86_400

_PACK = ".pack"
_HASH_BYTES = 24
_TIME_BITS = (1 << 59) - 1
_INODE_BITS = (1 << 63) - 1


class Shelf:
    """A private folder. Files appear in it whole, or not at all."""

    def __init__(self, path: str) -> None:
        self.path = path

    def pack(self, digest: str) -> str:
        """Where the parts made from texts of this digest are, or will be."""
        return os.path.join(self.path, digest + _PACK)

    def put_pack(self, digest: str, contents: Mapping[str, bytes], about: Any) -> str:
        """Keep parts with something to remember about them; old ones go."""
        header, offset = {}, 0
        for key in sorted(contents):
            size = len(contents[key])
            header[key] = (offset, size, part_hash(contents[key]))
            offset += size
        index = json.dumps({"about": about, "parts": header}).encode()
        body = b"".join(contents[key] for key in sorted(contents))
        self.put(digest + _PACK, len(index).to_bytes(8, "big") + index + body)
        self._tidy(digest + _PACK)
        return self.pack(digest)

    def get(self, name: str) -> bytes | None:
        try:
            return Path(self.path, name).read_bytes()
        except OSError:
            return None

    def put(self, name: str, content: bytes) -> None:
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self.path, prefix=".new-")
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
            os.replace(temporary, os.path.join(self.path, name))
        except BaseException:
            os.unlink(temporary)
            raise

    def _tidy(self, kept: str) -> None:
        old = time.time() - KEEP_SECONDS
        for entry in os.scandir(self.path):
            passing = entry.name.endswith(_PACK) or entry.name.startswith(".new-")
            if passing and entry.name != kept and entry.stat().st_mtime < old:
                Path(entry.path).unlink(missing_ok=True)


class Pack:
    """Parts that were put on a shelf, to be read one by one. Stays readable when it is replaced."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        length = int.from_bytes(os.pread(self._descriptor, 8, 0), "big")
        index = json.loads(os.pread(self._descriptor, length, 8))
        self.about: Any = index["about"]
        self._places: dict[str, tuple[int, int, str]] = index["parts"]
        self._start = 8 + length

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    def stamps(self) -> list[tuple[str, Stamp]]:
        """Sorted by key."""
        return sorted((key, stamp_of(size, told)) for key, (_, size, told) in self._places.items())

    def size(self, key: str) -> int | None:
        place = self._places.get(key)
        return place[1] if place else None

    def read(self, key: str) -> bytes:
        offset, size, _ = self._places[key]
        return os.pread(self._descriptor, size, self._start + offset)


def open_pack(path: str) -> Pack:
    """The parts at this place as they are now, opened once in a process. Raises `OSError`."""
    found = os.stat(path)
    return _opened(path, found.st_ino, found.st_mtime_ns)


@lru_cache(maxsize=8)
def _opened(path: str, _inode: int, _mtime_ns: int) -> Pack:
    return Pack(path)


def part_hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_HASH_BYTES).hexdigest()


def stamp_of(size: int, told: str) -> Stamp:
    """A stamp that is another one when the content is, and never too young to be trusted.

    The two times, alike and long past, and the inode are 122 bits of the content's hash:
    whoever trusts the stamp trusts that.
    """
    number = int(told, 16)
    past = number & _TIME_BITS
    return Stamp(size, past, past, (number >> 64) & _INODE_BITS)
