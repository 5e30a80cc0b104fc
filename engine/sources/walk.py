"""List a folder by walking it, as git would list it. Knows no keys and runs no git."""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.sources.errors import FileGone, FileTooLarge, Unreadable
from engine.sources.ignore import IgnoreRules, as_bytes_text
from engine.sources.keys import MACHINERY, MAX_KEY_BYTES
from engine.sources.listing import Listing, stamp_of
from engine.sources.openat import read_beneath

# More than any real file has, and few enough for its expression to compile in moments.
MAX_IGNORE_BYTES = 64 * 1024

_Entry = os.DirEntry[str]


class _Scope(NamedTuple):
    """Rules in force, and how much of a path comes before what they speak of."""

    rules: IgnoreRules
    base_length: int


class _Folder(NamedTuple):
    """Still to be listed: the path with a slash at its end, or empty for the root."""

    prefix: str
    scopes: tuple[_Scope, ...]


def walk(root: str, *, start: str = "", exclude: IgnoreRules | None = None) -> Listing:
    """List `root`, or only its subfolder `start`.

    Nested .gitignore files hold as in git, and a folder with a `.git` of its own starts
    with no rules but `exclude`. Linked folders are not followed, those of tools (see
    `MACHINERY`) are passed over.
    """
    listing = Listing(root)
    folders = [_Folder(f"{start}/" if start else "", ())]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(f"{root}/{folder.prefix}") as scan:
                entries = list(scan)
            scopes = _scopes_in(root, folder, entries)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            listing.fail(folder.prefix.rstrip("/"), "the folder can't be listed", error)
            continue
        kept = _kept(entries, folder.prefix, scopes, exclude) if scopes or exclude else entries
        folders += _list_entries(kept, folder.prefix, scopes, listing)
    return listing


def _list_entries(
    entries: Iterable[_Entry], prefix: str, scopes: tuple[_Scope, ...], listing: Listing
) -> Iterator[_Folder]:
    """Add the files to the listing and yield the folders."""
    files = listing.files
    for entry in entries:
        if entry.name in MACHINERY:
            continue
        path = prefix + entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                if len(path) > MAX_KEY_BYTES:
                    listing.problems[path] = f"the path is longer than {MAX_KEY_BYTES} bytes"
                else:
                    yield _Folder(f"{path}/", scopes)
            elif entry.is_file(follow_symlinks=False):
                files.append((path, stamp_of(entry.stat(follow_symlinks=False))))
            else:
                listing.add(path, entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            continue
        except OSError as error:
            listing.fail(path, "can't be examined", error)


def _scopes_in(root: str, folder: _Folder, entries: list[_Entry]) -> tuple[_Scope, ...]:
    """The rules in force inside the folder, innermost first."""
    names = {entry.name for entry in entries}
    inherited = () if ".git" in names else folder.scopes
    if ".gitignore" not in names:
        return inherited
    try:
        content = read_beneath(root, f"{folder.prefix}.gitignore", max_bytes=MAX_IGNORE_BYTES)
    except (FileGone, FileTooLarge, Unreadable):
        return inherited
    return (_Scope(IgnoreRules.parse(content), len(as_bytes_text(folder.prefix))), *inherited)


def _kept(
    entries: Iterable[_Entry],
    prefix: str,
    scopes: tuple[_Scope, ...],
    exclude: IgnoreRules | None,
) -> Iterator[_Entry]:
    """The entries that are not ignored: the innermost rules that speak of one decide."""
    prefix = as_bytes_text(prefix)
    for entry in entries:
        name = as_bytes_text(entry.name)
        path = prefix + name
        is_folder = entry.is_dir(follow_symlinks=False)
        if exclude and exclude.verdict(path, name, is_folder=is_folder):
            continue
        for rules, base_length in scopes:
            ignored = rules.verdict(path[base_length:], name, is_folder=is_folder)
            if ignored is not None:
                break
        else:
            ignored = False
        if not ignored:
            yield entry
