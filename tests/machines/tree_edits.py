"""Edits of a tree on disk, as values. Each can be made whatever the tree has become."""

import os
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hypothesis import strategies as st
from tree_contents import IGNORES, SPOILED, chosen, contents, files


class Edit(Protocol):
    def apply(self, root: Path) -> None: ...


@dataclass(frozen=True, slots=True)
class Write:
    """A file, in place of whatever is at its path or in its way."""

    key: str
    content: bytes

    def apply(self, root: Path) -> None:
        path = root / self.key
        for folder in reversed(path.parents[: len(path.relative_to(root).parts) - 1]):
            if not folder.is_dir() or folder.is_symlink():
                _remove(folder)
                folder.mkdir()
        if path.is_dir() or path.is_symlink():
            _remove(path)
        path.write_bytes(self.content)


@dataclass(frozen=True, slots=True)
class OnFile:
    """An edit of one of the files; of none, if there is none."""

    number: int

    def apply(self, root: Path) -> None:
        if found := files_of(root):
            self.edit(root, found[self.number % len(found)])

    def edit(self, root: Path, path: Path) -> None:
        raise NotImplementedError


class Delete(OnFile):
    def edit(self, root: Path, path: Path) -> None:
        path.unlink()


class Touch(OnFile):
    def edit(self, root: Path, path: Path) -> None:
        os.utime(path, ns=(1, 1))


class Chmod(OnFile):
    def edit(self, root: Path, path: Path) -> None:
        path.chmod(path.stat().st_mode ^ 0o111)


class ShiftLines(OnFile):
    def edit(self, root: Path, path: Path) -> None:
        path.write_bytes(b"\n\n" + path.read_bytes())


class ReverseLines(OnFile):
    """The same statements in another order."""

    def edit(self, root: Path, path: Path) -> None:
        path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))


class Repeat(OnFile):
    """All that is defined is defined twice."""

    def edit(self, root: Path, path: Path) -> None:
        path.write_bytes((path.read_bytes() * 2)[:20_000])


class KeepStamp(OnFile):
    """Another content of the same size and mtime."""

    def edit(self, root: Path, path: Path) -> None:
        before = path.stat()
        path.write_bytes(path.read_bytes().swapcase())
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class Decompose(OnFile):
    """The same name in another spelling of its accents."""

    def edit(self, root: Path, path: Path) -> None:
        decomposed = unicodedata.normalize("NFD", path.name)
        composed = unicodedata.normalize("NFC", path.name)
        path.rename(path.with_name(composed if decomposed == path.name else decomposed))


class FolderToFile(OnFile):
    """The folder of the file becomes a file with that file's content."""

    def edit(self, root: Path, path: Path) -> None:
        if path.parent != root:
            content = path.read_bytes()
            _remove(path.parent)
            path.parent.write_bytes(content)


class Replace(OnFile):
    """The same content in another inode, as editors save."""

    def edit(self, root: Path, path: Path) -> None:
        beside = path.with_name("saved~")
        beside.write_bytes(path.read_bytes())
        beside.rename(path)


@dataclass(frozen=True, slots=True)
class Spoil(OnFile):
    content: bytes

    def edit(self, root: Path, path: Path) -> None:
        path.write_bytes(self.content)


@dataclass(frozen=True, slots=True)
class Append(OnFile):
    content: bytes

    def edit(self, root: Path, path: Path) -> None:
        path.write_bytes(path.read_bytes()[:20_000] + self.content)


@dataclass(frozen=True, slots=True)
class Rename(OnFile):
    key: str

    def edit(self, root: Path, path: Path) -> None:
        content = path.read_bytes()
        path.unlink()
        Write(self.key, content).apply(root)


@dataclass(frozen=True, slots=True)
class Copy(OnFile):
    key: str

    def edit(self, root: Path, path: Path) -> None:
        Write(self.key, path.read_bytes()).apply(root)


@dataclass(frozen=True, slots=True)
class Swap(OnFile):
    """Two files change places, with all that their inodes carry."""

    other: int

    def edit(self, root: Path, path: Path) -> None:
        found = files_of(root)
        other = found[self.other % len(found)]
        aside = root / "aside"
        path.rename(aside)
        if other != path:
            other.rename(path)
        aside.rename(other)


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link: to a file or folder of the tree, out of it, to nothing, to itself."""

    key: str
    target: str

    def apply(self, root: Path) -> None:
        Write(self.key, b"").apply(root)
        (root / self.key).unlink()
        (root / self.key).symlink_to(self.target)


@dataclass(frozen=True, slots=True)
class RenameFolder:
    old: str
    new: str

    def apply(self, root: Path) -> None:
        old, new = root / self.old, root / self.new
        into_itself = old in new.parents
        if old.is_dir() and new.parent.is_dir() and not os.path.lexists(new) and not into_itself:
            old.rename(new)


def files_of(root: Path) -> list[Path]:
    """The regular files below the root, in the order of their paths."""
    found = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return sorted(found)


def edits(keys: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Edits of files that are there, and files of these keys that appear."""
    number, key = st.integers(0, 7), st.sampled_from(keys)
    writes = st.builds(lambda file: Write(*file), files(keys))
    plain = (
        Delete, Touch, Chmod, ShiftLines, ReverseLines, Repeat, KeepStamp, Decompose,
        FolderToFile, Replace,
    )  # fmt: skip
    targets = st.sampled_from(["a.py", "..", "../../outside", "nowhere", ".", "pkg", "/etc/hosts"])
    folders = st.sampled_from(["pkg", "web", "a", "b", "docs", "src", "web/lib", "pkg/sub"])
    ignores = st.sampled_from([".gitignore", "pkg/.gitignore"])
    more = st.sampled_from(keys).flatmap(contents)
    return chosen(
        {
            writes: 4,
            st.builds(Append, number, more): 3,
            st.sampled_from(plain).flatmap(number.map): 8,
            st.builds(Spoil, number, st.sampled_from(SPOILED)): 1,
            st.builds(Rename, number, key): 2,
            st.builds(Copy, number, key): 1,
            st.builds(Swap, number, number): 1,
            st.builds(Link, key, targets): 1,
            st.builds(RenameFolder, folders, folders): 1,
            st.builds(Write, ignores, st.sampled_from(IGNORES).map(str.encode)): 1,
        }
    )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
