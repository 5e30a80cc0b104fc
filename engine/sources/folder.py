"""A folder or git working tree on disk as a source of files. Knows no remote."""

import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import aiofiles

from engine.sources.errors import (
    FileGone,
    FileTooLarge,
    SourceError,
    SourceMissing,
    Unreadable,
)
from engine.sources.git import NotATreeError
from engine.sources.ignore import IgnoreRules
from engine.sources.keys import is_showable, key_of, shown
from engine.sources.listing import Listing
from engine.sources.naming import keyed, name_on_disk
from engine.sources.openat import open_beneath, read_beneath
from engine.sources.selection import ignore_rules, selector
from engine.sources.source import Snapshot
from engine.sources.walk import walk
from engine.sources.worktree import list_tree


class Folder:
    """The files beneath a path.

    In a git working tree these are the tracked files and those that are neither tracked
    nor ignored; elsewhere (or without git, or where the enclosing repository ignores the
    folder) all files that no .gitignore file names. A repository inside the folder,
    submodule or not, belongs to it in both cases, under its own rules: whether somebody
    ran `git init` further up should not decide what is found.

    `include` and `exclude` are lines as in a .gitignore file: with `include`, only what
    it matches is in the realm; what `exclude` matches is not. Neither brings back what
    git ignores.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        git_deadline_seconds: float = 60.0,
    ) -> None:
        self.path = os.path.abspath(path)
        if not is_showable(self.path):
            raise SourceMissing(
                f"{shown(self.path)}: control characters or bytes that are not UTF-8"
            )
        self.include = tuple(include)
        self.exclude = tuple(exclude)
        self.git_deadline_seconds = git_deadline_seconds
        # Paths of the keys that differ from theirs. Each snapshot sets it anew, so that a
        # reader in another thread sees the old one or the new one.
        self._names: dict[str, str] = {}

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self.path!r}, include={self.include!r}, exclude={self.exclude!r})"

    def snapshot(self) -> Snapshot:
        listed_at_ns = time.time_ns()
        _check_root(self.path)
        exclude = ignore_rules(self.exclude)
        listing, revision = self._list(exclude)
        found = keyed(listing)
        self._names = found.names
        files, problems = found.files, found.problems
        if self.include or self.exclude:
            belongs = selector(ignore_rules(self.include), exclude)
            files = tuple(filter(belongs, files))
            problems = tuple(filter(belongs, problems))
        return Snapshot(files, problems, revision, listed_at_ns)

    def read(self, key: str, *, max_bytes: int) -> bytes:
        path = self._path_of(key)
        try:
            return read_beneath(self.path, path, max_bytes=max_bytes)
        except FileGone:
            # A name that is not its own key is known only after a snapshot.
            other = None if key.isascii() else name_on_disk(self.path, key)
            if other in (None, path):
                raise
            return read_beneath(self.path, str(other), max_bytes=max_bytes)

    async def stream(
        self, key: str, *, max_bytes: int, piece_bytes: int = 1 << 16
    ) -> AsyncIterator[bytes]:
        """The file in pieces, with the event loop free between them; raises as `read` does.

        For a file too large to hold: batches of small ones are read faster in a thread.
        """
        path = self._path_of(key)
        left = max_bytes
        async with aiofiles.open(path, "rb", buffering=0, opener=self._open) as file:
            while piece := await file.read(piece_bytes):
                left -= len(piece)
                if left < 0:
                    raise FileTooLarge(key, max_bytes - left, max_bytes)
                yield piece

    def describe(self) -> dict[str, str]:
        return {
            "kind": "folder",
            "path": self.path,
            "include": "\n".join(self.include),
            "exclude": "\n".join(self.exclude),
        }

    @classmethod
    def from_description(cls, description: Mapping[str, str]) -> "Folder":
        return cls(
            description["path"],
            include=description.get("include", "").splitlines(),
            exclude=description.get("exclude", "").splitlines(),
        )

    def _list(self, exclude: IgnoreRules | None) -> tuple[Listing, str]:
        try:
            return list_tree(self.path, deadline_seconds=self.git_deadline_seconds, exclude=exclude)
        except NotATreeError:
            return walk(self.path, exclude=exclude), ""

    def _path_of(self, key: str) -> str:
        if key_of(key) != key:
            raise Unreadable(shown(key), "not a key of this tree")
        return self._names.get(key, key)

    def _open(self, path: str, _flags: int) -> int:
        return open_beneath(self.path, path)


def _check_root(root: str) -> None:
    try:
        os.scandir(root).close()
    except FileNotFoundError as error:
        raise SourceMissing(f"{root}: no such folder") from error
    except NotADirectoryError as error:
        raise SourceMissing(f"{root}: a file, where a folder is needed") from error
    except OSError as error:
        raise SourceError(f"{root}: the folder can't be listed: {error.strerror}") from error
