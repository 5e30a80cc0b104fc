"""One commit in a repository on this disk as a source of files. Knows no remote."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace

from engine.sources.blob_reader import reader_of
from engine.sources.errors import Unreadable
from engine.sources.keys import MACHINERY, is_showable, key_of, shown
from engine.sources.listing import Listing
from engine.sources.naming import keyed
from engine.sources.selection import ignore_rules, selector
from engine.sources.source import Snapshot, Stamp

_NO_PARTS = MACHINERY | {"", ".", ".."}
_BITS_59 = (1 << 59) - 1
_BITS_42 = (1 << 42) - 1


class GitTree:
    """The files of a commit, which never change: any number of readers see the same."""

    def __init__(self, folder: str, snapshot: Snapshot, names: Mapping[str, str]) -> None:
        self.folder = folder
        self.commit = snapshot.revision
        self._listed: Snapshot | None = snapshot
        # Paths of the keys that differ from theirs.
        self._names = dict(names)
        self._description: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"GitTree({self.folder!r}, {self.commit!r})"

    @classmethod
    def of(
        cls,
        folder: str,
        listing: Listing,
        *,
        commit: str,
        description: Mapping[str, str],
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
    ) -> "GitTree":
        found = keyed(listing)
        belongs = selector(ignore_rules(include), ignore_rules(exclude))
        snapshot = Snapshot(
            tuple(filter(belongs, found.files)), tuple(filter(belongs, found.problems)), commit
        )
        tree = cls(folder, snapshot, found.names)
        tree._description = dict(description)
        return tree

    def __getstate__(self) -> dict[str, object]:
        # A worker process reads by key: it is sent with each file, and without the list of all.
        return self.__dict__ | {"_listed": None}

    def at(self, folder: str) -> "GitTree":
        """The same files, read from another repository that has the commit."""
        tree = copy(self)
        tree.folder = folder
        return tree

    def snapshot(self) -> Snapshot:
        assert self._listed is not None, "a copy in a worker process lists nothing"
        return replace(self._listed, listed_at_ns=time.time_ns())

    def read(self, key: str, *, max_bytes: int) -> bytes:
        if key_of(key) != key:
            raise Unreadable(shown(key), "not a key of this tree")
        path = self._names.get(key, key)
        return reader_of(self.folder).read(self.commit, path, max_bytes=max_bytes)

    def describe(self) -> dict[str, str]:
        return dict(self._description)


def stamp_of_blob(blob: str, size: int) -> Stamp:
    """The identity of a content in the place of a file's times: equal stamps, equal contents.

    So a clone that is new on this disk has no file to be hashed, and what was recorded
    needs no trust in a diff. The first 160 bits are spread over three numbers, of which
    the one in the place of the change time is the largest, and all are long ago.
    """
    bits = int(blob[:40], 16)
    return Stamp(size, bits >> 101, (bits >> 42 & _BITS_59) | 1 << 59, bits & _BITS_42)


def listing_of(output: bytes) -> tuple[Listing, list[str]]:
    """The files that `git ls-tree -r -z -l` tells of, and the paths of symbolic links.

    Submodules are other repositories and are left out, as is what no tree should hold.
    """
    listing, links = Listing(""), []
    for line in output.split(b"\0")[:-1]:
        about, _, name = line.partition(b"\t")
        mode, kind, blob, size = about.split()
        path = os.fsdecode(name)
        if kind != b"blob" or not _NO_PARTS.isdisjoint(path.split("/")):
            continue
        if mode == b"120000":
            if is_showable(path):
                links.append(path)
        else:
            listing.files.append((path, stamp_of_blob(blob.decode(), int(size))))
    return listing, links


# What git says of a link that leads to no object of the commit, in the words of a folder.
_TROUBLES = {
    b"dangling": "a symbolic link to nothing",
    b"loop": "a symbolic link that can't be followed: Too many levels of symbolic links",
    b"notdir": "a symbolic link that can't be followed: Not a directory",
    b"symlink": "a symbolic link out of the tree",
}


def troubles_with(links: Iterable[str], output: bytes) -> dict[str, str]:
    """Why links lead to no file of the tree, from `git cat-file --batch-check --follow-symlinks`.

    A link that leads somewhere has one line; another has the word for its trouble, the
    size of what follows, and in that many bytes where it leads, which may be anything.
    """
    troubles, at = {}, 0
    for link in links:
        end = output.find(b"\n", at)
        line, at = output[at:end], end + 1
        word, _, size = line.partition(b" ")
        if word in _TROUBLES and size.isdigit():
            troubles[link] = _TROUBLES[word]
            at += int(size) + 1
        elif line.endswith(b" missing"):
            troubles[link] = _TROUBLES[b"dangling"]
    return troubles
