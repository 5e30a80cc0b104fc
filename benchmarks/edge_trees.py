"""The dependencies that our languages read from the files of a folder. Knows no other tool."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.languages import Undecodable, decode, language_of

CHUNK_CHARS = 1200


@dataclass(frozen=True, slots=True)
class Edges:
    """Pairs of keys, and the keys of all files that were read for them."""

    pairs: frozenset[tuple[str, str]]
    read: frozenset[str]

    def closed(self, starts: Iterable[str]) -> "Edges":
        """From each start to all that it reaches."""
        after: dict[str, set[str]] = defaultdict(set)
        for one, other in self.pairs:
            after[one].add(other)
        pairs = {(start, end) for start in starts for end in _reached(start, after)}
        return Edges(frozenset(pairs), self.read)


def _reached(start: str, after: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        new = after.get(todo.pop(), set()) - found
        found |= new
        todo += new
    return found - {start}


class FilesOnDisk:
    """A folder as resolution sees it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.keys = files_below(root)
        self._known = frozenset(self.keys)
        self._folders: dict[str, list[str]] = defaultdict(list)
        for key in self.keys:
            self._folders[key.rpartition("/")[0]].append(key)

    def __contains__(self, key: object, /) -> bool:
        return key in self._known

    def files_in(self, folder: str) -> Sequence[str]:
        return self._folders.get(folder, ())

    def read(self, key: str) -> str | None:
        try:
            return decode(key, (self._root / key).read_bytes())
        except (OSError, Undecodable):
            return None


def files_below(root: Path, suffixes: tuple[str, ...] = ("",)) -> list[str]:
    """The keys of the regular files, sorted."""
    paths = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    keys = (path.relative_to(root).as_posix() for path in paths)
    return sorted(key for key in keys if key.endswith(suffixes) and not key.startswith(".git/"))


def our_edges(tree: FilesOnDisk, suffixes: tuple[str, ...]) -> Edges:
    """What an index of the folder would record of the files with these suffixes."""
    pairs: set[tuple[str, str]] = set()
    read: set[str] = set()
    for key in tree.keys:
        if not key.endswith(suffixes) or (text := tree.read(key)) is None:
            continue
        language = language_of(key)
        references = language.analyse(key, text, chunk_chars=CHUNK_CHARS).references
        links = language.resolve(references, key, tree).links
        pairs |= {(key, link.key) for link in links if link.key.endswith(suffixes)}
        read.add(key)
    return Edges(frozenset(pairs), frozenset(read))
