"""List what git says belongs to a folder, as far as it is there. Knows no keys."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

from engine.sources.git import NotATreeError, head_of, tracked_paths, untracked_paths
from engine.sources.ignore import IgnoreRules
from engine.sources.keys import MACHINERY, are_keys
from engine.sources.listing import Listing, stamp_of
from engine.sources.walk import walk

_NO_PARTS = MACHINERY | {"", ".", ".."}


def list_tree(
    root: str, *, deadline_seconds: float, exclude: IgnoreRules | None = None
) -> tuple[Listing, str]:
    """What git says belongs to `root`, and the commit checked out; or `NotATreeError`.

    A repository inside it, submodule or not, is one path to git, and is walked. Each of
    git's answers has the deadline for itself.
    """
    if not _has_repository(root):
        raise NotATreeError
    listing = Listing(root)
    # Git looks for untracked files about as long as we look at the tracked ones.
    with ThreadPoolExecutor(1) as beside:
        pending = beside.submit(untracked_paths, root, deadline_seconds=deadline_seconds)
        revision = head_of(root, deadline_seconds=deadline_seconds)
        tracked = tracked_paths(root, deadline_seconds=deadline_seconds)
        _add(_inside(root, tracked), listing, exclude)
        untracked = pending.result()
    _add(_inside(root, untracked.paths), listing, exclude)
    if not untracked.complete:
        # Git's warnings are meant for people; the walk says which folders they are about.
        listing.problems.update(walk(root, exclude=exclude).problems)
    return listing, revision


def _has_repository(root: str) -> bool:
    """Whether git would find one from here: two programs less to start where it would not."""
    folder = os.path.realpath(root)
    while not os.path.lexists(f"{folder}/.git"):
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
    return True


def _add(paths: list[str], listing: Listing, exclude: IgnoreRules | None) -> None:
    root, files = listing.root, listing.files
    for path in paths:
        try:
            found = os.lstat(f"{root}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            listing.fail(path, "can't be examined", error)
            continue
        if stat.S_ISREG(found.st_mode):
            files.append((path, stamp_of(found)))
        elif stat.S_ISDIR(found.st_mode):
            nested = walk(root, start=path, exclude=exclude)
            files += nested.files
            listing.problems.update(nested.problems)
        else:
            listing.add(path, found)


def _inside(root: str, paths: list[str]) -> list[str]:
    """The paths without those that an index can hold but a tree can't.

    The index is a file like any other: nothing stops it from naming `../x`, `.git/config`
    or a file in a folder that has since become a link to somewhere else.
    """
    if not are_keys(paths):
        paths = [path for path in paths if _NO_PARTS.isdisjoint(path.split("/"))]
    beyond = _beyond_links(root, {path.rpartition("/")[0] for path in paths})
    return [path for path in paths if path.rpartition("/")[0] not in beyond] if beyond else paths


def _beyond_links(root: str, folders: set[str]) -> set[str]:
    """The folders that are links or lie behind one."""
    beyond: set[str] = set()
    for folder in sorted(_with_ancestors(folders)):
        if folder.rpartition("/")[0] in beyond or os.path.islink(f"{root}/{folder}"):
            beyond.add(folder)
    return beyond


def _with_ancestors(folders: set[str]) -> set[str]:
    known: set[str] = {""}
    for folder in folders:
        ancestor = folder
        while ancestor not in known:
            known.add(ancestor)
            ancestor = ancestor.rpartition("/")[0]
    return known - {""}
