"""A tree that remembers where it was asked. Knows no language."""

import re
import unicodedata

from engine.languages.language import Tree

_NO_KEY = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_LONGEST_KEY = 1024


class ProbedTree:
    """Every question goes through here, so an answer depends on nothing unrecorded."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.probes: set[str] = set()
        self.consulted: set[str] = set()

    def __contains__(self, key: str) -> bool:
        self.probes.add(key)
        return key in self._tree

    def read(self, key: str) -> str | None:
        if key not in self:
            return None
        self.consulted.add(key)
        return self._tree.read(key)

    def files_in(self, folder: str, suffix: str) -> tuple[str, ...]:
        """The files in a folder whose names end so, sorted, as one question."""
        self.probes.add(listing_of(f"{folder}/{suffix}" if folder else suffix))
        return tuple(key for key in self._tree.files_in(folder) if key.endswith(suffix))


def listing_of(key: str) -> str:
    """The probe for all files that stand in the folder of `key` and end like it: `a/*.go`."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}*.{name.rpartition('.')[2]}"


def folder_of(key: str) -> str:
    """The folder that holds `key`; the realm itself is the empty string."""
    return key.rpartition("/")[0]


def ancestors(folder: str) -> tuple[str, ...]:
    """`folder` and the folders around it, the nearest first, the realm last."""
    found = [folder]
    while folder:
        folder = folder_of(folder)
        found.append(folder)
    return tuple(found)


def joined(folder: str, path: str) -> str | None:
    """The key that `path` means seen from `folder`, or nothing if that is none of the realm."""
    if len(folder) + len(path) > _LONGEST_KEY or _NO_KEY.search(path):
        return None
    parts = folder.split("/") if folder else []
    for part in unicodedata.normalize("NFC", path).split("/"):
        if part == ".." and not parts:
            return None
        if part == "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)
