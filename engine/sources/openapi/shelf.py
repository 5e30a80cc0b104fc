"""What a catalogue keeps on disk: its parts, the last good text of each document, and what
servers want to be asked by. All of it can be lost, or damaged, at the cost of some work.

Each file begins with the hash of what follows: one that is damaged counts as not there.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.sources.source import Stamp

# What nobody has asked for in this long belongs to a state of the documents that is gone.
KEEP_SECONDS = 86_400

_PACK = ".pack"
_PASSING = (_PACK, ".unit", ".names")
_CHECK_BYTES = 16
_BLOCK_BYTES = 1 << 20
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
        path = Path(self.path, name)
        try:
            found = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        content = found[_CHECK_BYTES:]
        return content if _check(content) == found[:_CHECK_BYTES] else None

    def put(self, name: str, content: bytes) -> None:
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self.path, prefix=".new-")
        try:
            with open(descriptor, "wb") as file:
                file.write(_check(content))
                file.write(content)
            os.replace(temporary, os.path.join(self.path, name))
        except BaseException:
            os.unlink(temporary)
            raise

    def _tidy(self, kept: str) -> None:
        old = time.time() - KEEP_SECONDS
        for entry in os.scandir(self.path):
            passing = entry.name.endswith(_PASSING) or entry.name.startswith(".new-")
            if not passing or entry.name == kept:
                continue
            # Another process may be tidying too.
            with suppress(FileNotFoundError):
                if entry.stat().st_mtime < old:
                    os.unlink(entry.path)


class Pack:
    """Parts that were put on a shelf, to be read one by one. Stays readable when it is replaced.

    Raises `ValueError` if it is damaged.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        _verify(self._descriptor)
        length = int.from_bytes(os.pread(self._descriptor, 8, _CHECK_BYTES), "big")
        index = json.loads(os.pread(self._descriptor, length, _CHECK_BYTES + 8))
        self.about: Any = index["about"]
        self._places: dict[str, tuple[int, int, str]] = index["parts"]
        self._start = _CHECK_BYTES + 8 + length

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


def _check(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_CHECK_BYTES).digest()


def _verify(descriptor: int) -> None:
    hashed, place = hashlib.blake2b(digest_size=_CHECK_BYTES), _CHECK_BYTES
    while block := os.pread(descriptor, _BLOCK_BYTES, place):
        hashed.update(block)
        place += len(block)
    if os.pread(descriptor, _CHECK_BYTES, 0) != hashed.digest():
        raise ValueError("damaged")


def open_pack(path: str) -> Pack:
    """The parts at this place as they are now, opened once in a process.

    Raises `OSError` and, if they are damaged, `ValueError`.
    """
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
