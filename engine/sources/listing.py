"""What was found in a folder, before it has keys. Knows neither git nor .gitignore."""

import os
import stat
from dataclasses import dataclass, field

from engine.sources.source import Stamp


@dataclass(frozen=True, slots=True)
class Listing:
    """Paths as the file system names them, relative to `root`, each once and in no order.

    `problems` has a reason for each path that is there and is no file to be indexed.
    """

    root: str
    files: list[tuple[str, Stamp]] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)

    def add(self, path: str, found: os.stat_result) -> None:
        """Add what is at the path, unless it is a folder."""
        mode = found.st_mode
        if stat.S_ISREG(mode):
            self.files.append((path, stamp_of(found)))
        elif stat.S_ISLNK(mode):
            self._add_link(path)
        elif not stat.S_ISDIR(mode):
            self.problems[path] = "neither a file nor a folder"

    def fail(self, path: str, what: str, error: OSError) -> None:
        self.problems[path] = f"{what}: {error.strerror}"

    def _add_link(self, path: str) -> None:
        """Name the link if it leads nowhere or out of the tree.

        One that leads to something in the tree is passed over: what it leads to has a
        key of its own, and would only be found twice.
        """
        trouble = _trouble_with_link(f"{self.root}/{path}", self.root)
        if trouble:
            self.problems[path] = trouble


def stamp_of(found: os.stat_result) -> Stamp:
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _trouble_with_link(path: str, root: str) -> str:
    try:
        target = os.path.realpath(path, strict=True)
    except FileNotFoundError:
        return "a symbolic link to nothing"
    except OSError as error:
        return f"a symbolic link that can't be followed: {error.strerror}"
    inside = os.path.join(os.path.realpath(root), "")
    return "" if f"{target}/".startswith(inside) else "a symbolic link out of the tree"
