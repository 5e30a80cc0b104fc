"""Where the paths of Rust lead inside a realm. Knows keys and manifests, parses no source.

A path is followed from the root of its crate, folder by folder, as far as there are files;
what is left of it is a name in the last one. Crates are those of the workspace.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from engine.languages.cargo_manifest import Dependency, Manifest, parse_manifest
from engine.languages.language import Link, Reference, Resolution, Tree
from engine.languages.probed_tree import ProbedTree, ancestors, folder_of, joined

_ROOT = re.compile(r"build\.rs|src/(?:lib|main)\.rs|(?:src/bin|tests|examples|benches)/[^/]+\.rs")
_ROOT_IN_FOLDER = re.compile(r"(?:src/bin|tests|examples|benches)/[^/]+/main\.rs")
_ELSEWHERE = frozenset({"std", "core", "alloc", "proc_macro"})
_MOST_REFERENCES = 5_000
_DEEPEST = 64


def resolve_modules(references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
    """The links of a file's modules and uses, with all keys that were looked for."""
    search = _Search(key, ProbedTree(tree))
    links: dict[Link, None] = {}
    for reference in references[:_MOST_REFERENCES]:
        found = search.find(reference.text)
        if found is None or found.key == key:
            continue
        for binding in reference.bindings:
            names = [*found.rest, *([binding.name] if binding.name else [])]
            links[Link(binding.local, found.key, ".".join(names), binding.exported)] = None
    return Resolution(
        tuple(links), tuple(sorted(search.tree.probes)), tuple(sorted(search.tree.consulted))
    )


class _Place(NamedTuple):
    """A file, and the part of a path that no file stands for."""

    key: str
    rest: tuple[str, ...] = ()


class _Crate(NamedTuple):
    """The file that a crate starts from, and the folder of its modules."""

    root: str
    folder: str


class _Search:
    def __init__(self, key: str, tree: ProbedTree) -> None:
        self.tree = tree
        self._key = key
        self._folder = folder_of(key)
        self._package, self._manifest = self._nearest_manifest()
        self._crate = self._own_crate()
        self._own = self._own_path()
        stem = key.rpartition("/")[2].removesuffix(".rs")
        is_root = self._crate is not None and self._crate.root == key
        flat = is_root or stem in {"mod", "lib", "main"}
        self._inner = self._folder if flat else _below(self._folder, stem)

    def find(self, text: str) -> _Place | None:
        if text.startswith("path "):
            path = joined(self._folder, text.removeprefix("path "))
            return _Place(path) if path is not None and path in self.tree else None
        if text.startswith("mod "):
            return self._module(text.removeprefix("mod ").split("::"))
        parts = tuple(text.split("::"))
        return self._path(parts) if len(parts) <= _DEEPEST else None

    def _module(self, parts: Sequence[str]) -> _Place | None:
        found = self._file(_below(self._inner, *parts[:-1]), parts[-1])
        return _Place(found) if found is not None else None

    def _path(self, parts: tuple[str, ...]) -> _Place | None:
        head, rest = parts[0], parts[1:]
        if head == "crate":
            return self._from_root(self._crate, rest)
        if head in {"self", "super"}:
            return self._relative(parts)
        if not head:
            return self._elsewhere(rest)
        if head in _ELSEWHERE:
            return None
        found = self._file(self._inner, head)
        if found is not None:
            return self._follow(found, _below(self._inner, head), rest)
        return self._elsewhere(parts)

    def _relative(self, parts: tuple[str, ...]) -> _Place | None:
        """`self` and `super` anywhere in front of, or behind, modules inside the file."""
        if self._own is None:
            return None
        around = list(self._own)
        for part in parts:
            if part == "super" and not around:
                return None
            if part == "super":
                around.pop()
            elif part != "self":
                around.append(part)
        return self._from_root(self._crate, tuple(around))

    def _from_root(self, crate: _Crate | None, parts: tuple[str, ...]) -> _Place | None:
        if crate is None or crate.root not in self.tree:
            return None
        return self._follow(crate.root, crate.folder, parts)

    def _follow(self, key: str, folder: str, parts: tuple[str, ...]) -> _Place:
        for index, part in enumerate(parts):
            found = self._file(folder, part)
            if found is None:
                return _Place(key, parts[index:])
            key, folder = found, _below(folder, part)
        return _Place(key)

    def _file(self, folder: str, name: str) -> str | None:
        path = joined(folder, name.removeprefix("r#"))
        if path is None or not name.removeprefix("r#").isidentifier():
            return None
        return next((each for each in (f"{path}.rs", f"{path}/mod.rs") if each in self.tree), None)

    def _elsewhere(self, parts: tuple[str, ...]) -> _Place | None:
        """A path that begins with a crate: the own library, or one that the manifest names."""
        if not parts:
            return None
        if self._manifest.crate == parts[0]:
            return self._from_root(self._library(self._package, self._manifest), parts[1:])
        for each in self._manifest.dependencies:
            if each.crate == parts[0]:
                return self._of_dependency(each, parts[1:])
        return None

    def _of_dependency(self, each: Dependency, parts: tuple[str, ...]) -> _Place | None:
        place = joined(self._package, each.path) if each.path else self._in_workspace(each.crate)
        manifest = None if place is None else self._manifest_in(place)
        if place is None or manifest is None:
            return None
        return self._from_root(self._library(place, manifest), parts)

    def _in_workspace(self, crate: str) -> str | None:
        for folder in ancestors(self._package):
            manifest = self._manifest_in(folder)
            if manifest is not None and manifest.is_workspace:
                paths = (each.path for each in manifest.workspace if each.crate == crate)
                path = next(paths, None)
                return joined(folder, path) if path else None
        return None

    def _library(self, package: str, manifest: Manifest) -> _Crate | None:
        root = joined(package, manifest.library)
        return None if root is None else _Crate(root, folder_of(root))

    def _nearest_manifest(self) -> tuple[str, Manifest]:
        for folder in ancestors(self._folder):
            manifest = self._manifest_in(folder)
            if manifest is not None:
                return folder, manifest
        return "", Manifest()

    def _manifest_in(self, folder: str) -> Manifest | None:
        text = self.tree.read(_below(folder, "Cargo.toml"))
        return None if text is None else parse_manifest(text)

    def _own_crate(self) -> _Crate | None:
        """The crate of the file: one of its own, else the library, else the program."""
        path = self._key.removeprefix(f"{self._package}/" if self._package else "")
        named = {self._manifest.library, *self._manifest.targets}
        if path in named or _ROOT.fullmatch(path) or _ROOT_IN_FOLDER.fullmatch(path):
            return _Crate(self._key, self._folder)
        for name in (self._manifest.library, "src/main.rs"):
            root = joined(self._package, name)
            if root is not None and _is_below(self._key, folder_of(root)) and root in self.tree:
                return _Crate(root, folder_of(root))
        return None

    def _own_path(self) -> tuple[str, ...] | None:
        """The modules from the root of the crate down to the file."""
        crate = self._crate
        if crate is None:
            return None
        if crate.root == self._key:
            return ()
        path = self._key.removeprefix(f"{crate.folder}/" if crate.folder else "")
        parts = path.removesuffix(".rs").split("/")
        return tuple(parts[:-1] if parts[-1] == "mod" else parts)


def _below(folder: str, *parts: str) -> str:
    return "/".join(part for part in (folder, *parts) if part)


def _is_below(key: str, folder: str) -> bool:
    return not folder or key.startswith(f"{folder}/")
