"""Where the names of C#'s types lead inside a realm. Knows keys, parses no source.

Nothing ties a namespace to a folder but convention: a type stands in the file of its name, in
a folder of its namespace. The namespace that a file says it is in tells which folder stands
for which part of it; from the folders around, others are found by their whole names, with
dots or slashes between the parts. What does not keep to that is not found.
"""

from collections.abc import Iterable, Iterator, Sequence

from engine.languages.language import Link, Reference, Resolution, Tree
from engine.languages.probed_tree import ProbedTree, ancestors, folder_of, joined

_SUFFIX = ".cs"
# The library of the language is in no realm but its own.
_LIBRARY = ("System", "Microsoft", "Windows")
_MOST_FOLDERS = 256
_MOST_ROOTS = 8
_MOST_PARTS = 8
# So many files may hold parts of one type.
_MOST_FILES = 16
_MOST_REFERENCES = 1_000


def resolve_types(references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
    """The links of the types that a file names, with all folders that were listed."""
    search = _Search(key, ProbedTree(tree), references[:_MOST_REFERENCES])
    links = (link for each in references[:_MOST_REFERENCES] for link in search.links(each))
    others = tuple(dict.fromkeys(link for link in links if link.key != key))
    return Resolution(others, tuple(sorted(search.tree.probes)))


class _Search:
    def __init__(self, key: str, tree: ProbedTree, references: Sequence[Reference]) -> None:
        self.tree = tree
        self._folder = folder_of(key)
        self._own = [name for kind, name in map(_split, references) if kind == "namespace"]
        self._root, self._prefix = _root(self._folder, self._own[0] if self._own else "")
        used = (name for kind, name in map(_split, references) if kind == "using")
        spaces = dict.fromkeys((*_enclosing(self._own), *filter(self._is_within_reach, used)))
        self._listed: dict[str, dict[str, list[str]]] = {}
        self._files = self._list(self._all_folders(tuple(spaces)))

    def links(self, reference: Reference) -> Iterator[Link]:
        kind, name = _split(reference)
        for binding in reference.bindings:
            for found, file in self._found(kind, name):
                yield Link(binding.local, file, found, binding.exported)

    def _found(self, kind: str, name: str) -> list[tuple[str, str]]:
        """The files of a type with its name there; an attribute may be written short."""
        files, short = self._files, name
        if kind in {"alias", "static"}:
            space, _, short = name.rpartition(".")
            files = self._of(space)
        names = (short, f"{short}Attribute") if kind == "attribute" else (short,)
        found = next((each for each in names if each in files), None)
        return [] if found is None else [(found, file) for file in files[found][:_MOST_FILES]]

    def _of(self, space: str) -> dict[str, list[str]]:
        return self._list(self._folders(space) if self._is_within_reach(space) else ())

    def _is_within_reach(self, space: str) -> bool:
        """Not of the library, unless this file is too."""
        first = space.partition(".")[0]
        own = {each.partition(".")[0] for each in self._own}
        return bool(first) and (first not in _LIBRARY or first in own)

    def _list(self, folders: Iterable[str]) -> dict[str, list[str]]:
        """The files by the types they are called after, each from the first folder of it."""
        found: dict[str, list[str]] = {}
        for folder in folders:
            found = self._in(folder) | found
        return found

    def _in(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._listed:
            if len(self._listed) == _MOST_FOLDERS:
                return {}
            here = self._listed[folder] = {}
            for file in self.tree.files_in(folder, _SUFFIX):
                here.setdefault(_called_after(file), []).append(file)
        return self._listed[folder]

    def _all_folders(self, spaces: Sequence[str]) -> Iterator[str]:
        """Where types may stand that need no other name, those of the own namespaces first."""
        # The likeliest are listed before the bound is reached.
        for folder in (self._folder, *filter(None, map(self._below, spaces))):
            self._in(folder)
        yield self._folder
        for space in spaces:
            yield from self._folders(space)

    def _folders(self, space: str) -> Iterator[str]:
        if (near := self._below(space)) is not None:
            yield near
        yield from self._around(space)

    def _below(self, space: str) -> str | None:
        """The folder that a namespace has by what the own one tells."""
        if space == self._prefix:
            return self._root
        if not self._prefix or space.startswith(f"{self._prefix}."):
            rest = space.removeprefix(self._prefix).strip(".")
            return joined(self._root, rest.replace(".", "/"))
        return None

    def _around(self, space: str) -> Iterator[str]:
        """`A.B.C` is `A/B/C`, `A.B/C` or `A.B.C`, seen from a folder around or from `src` there."""
        parts = space.split(".")[:_MOST_PARTS]
        for root in ancestors(self._root)[:_MOST_ROOTS]:
            for source in ("", "src"):
                for at in range(len(parts), 0, -1):
                    path = "/".join((source, ".".join(parts[:at]), *parts[at:]))
                    if (folder := joined(root, path)) is not None:
                        yield folder


def _split(reference: Reference) -> tuple[str, str]:
    kind, _, name = reference.text.partition(" ")
    return kind, name


def _called_after(key: str) -> str:
    """`Order` for `Order.cs` and for its parts, such as `Order.Totals.cs`."""
    return key.rpartition("/")[2].partition(".")[0]


def _enclosing(spaces: Sequence[str]) -> Iterator[str]:
    """What is in a namespace sees what is in those around it."""
    for space in spaces:
        parts = space.split(".")
        yield from (".".join(parts[:end]) for end in range(len(parts), 0, -1))


def _root(folder: str, space: str) -> tuple[str, str]:
    """The folder where the parts of a namespace begin, and the part that it stands for itself.

    `src/Shop/Store` is in `Acme.Shop.Store`, so `src` is `Acme`; `Acme.Shop/Store`, so
    `Acme.Shop` is `Acme.Shop`.
    """
    while space and folder:
        last = folder.rpartition("/")[2]
        if last != space.rpartition(".")[2] or last == space:
            break
        folder, space = folder_of(folder), space.rpartition(".")[0]
    return folder, space
