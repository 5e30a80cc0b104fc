"""Give what was found in a folder its keys, and find it again by them."""

import os
import unicodedata
from collections.abc import Container
from operator import itemgetter
from typing import NamedTuple

from engine.sources.keys import are_keys, key_of, shown
from engine.sources.listing import Listing
from engine.sources.source import Problem, SourceFile, Stamp


class Keyed(NamedTuple):
    """Files and problems sorted by key; `names` has the path of each key that differs from it."""

    files: tuple[SourceFile, ...]
    problems: tuple[Problem, ...]
    names: dict[str, str]


def keyed(listing: Listing) -> Keyed:
    """Of two paths that meet in one key, the one that is written like it has it.

    If neither is, it is the first by code point. The other is a problem under its
    escaped path.
    """
    plain, others = _parted(listing.files)
    files = {path: SourceFile(path, stamp) for path, stamp in plain}
    problems: list[Problem] = []
    names: dict[str, str] = {}
    # A path that is its own key goes first, so that it has its key.
    keys = [(key_of(path), path, stamp) for path, stamp in others]
    for key, path, stamp in sorted(keys, key=lambda each: (each[0] != each[1], each[1])):
        if isinstance(key, Problem):
            problems.append(key)
        elif key in files:
            problems.append(Problem(shown(path), f"another name for {key}, which is taken"))
        else:
            files[key] = SourceFile(key, stamp)
            if path != key:
                names[key] = path
    problems += _keyed_problems(listing.problems, files)
    in_order = sorted(files.values(), key=itemgetter(0))
    return Keyed(tuple(in_order), tuple(sorted(problems)), names)


_Found = list[tuple[str, Stamp]]


def _parted(found: _Found) -> tuple[_Found, _Found]:
    """Those that surely are their own keys, and those to be looked at one by one."""
    plain = [pair for pair in found if pair[0].isascii()]
    if not are_keys([path for path, _ in plain]):
        return [], found
    return plain, [pair for pair in found if not pair[0].isascii()]


def _keyed_problems(reasons: dict[str, str], taken: Container[str]) -> list[Problem]:
    problems: dict[str, Problem] = {}
    for path, reason in sorted(reasons.items()):
        key = key_of(path)
        if isinstance(key, Problem) or key in taken or key in problems:
            key = shown(path)
        problems[key] = Problem(key, reason)
    return list(problems.values())


def name_on_disk(root: str, key: str) -> str | None:
    """Look for a path with this key, where no snapshot has recorded it."""
    candidates = [""]
    for part in key.split("/"):
        candidates = [
            f"{folder}{name}/"
            for folder in candidates
            for name in _names_in(f"{root}/{folder}")
            if unicodedata.normalize("NFC", name) == part
        ]
    paths = [path.removesuffix("/") for path in candidates]
    return min(paths, key=lambda path: (path != key, path), default=None)


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
