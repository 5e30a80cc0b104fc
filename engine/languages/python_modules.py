"""Find the files of the realm that Python's import statements name. Knows keys, not text.

Modules are looked for above the file's topmost package, then in the realm's root, then
in `src`. As for Python, the first of these that has a package or module of that name is
the only one that counts, and a folder without `__init__.py` is a namespace package when
none of them has. Every key that is asked for is stored with the file, so few are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.languages.language import Binding, Link, Reference, Resolution, Tree
from engine.languages.probed_tree import ProbedTree, folder_of

# A package wins over a module of its name, and both over stubs. A stub that stands for
# compiled code is a file; packages that are nothing but stubs refer to each other.
_SUFFIXES = ("/__init__.py", ".py", ".pyi")
_STUB_SUFFIXES = ("/__init__.py", ".py", "/__init__.pyi", ".pyi")
_LONGEST_PATH = 64


@dataclass(frozen=True, slots=True)
class _Module:
    """A module: its key, empty for a namespace package, and where its submodules are.

    `prefix` is the folder with a slash at its end, `None` for a plain file.
    """

    key: str
    prefix: str | None


def resolve_imports(references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
    """The links of a file's references, in their order, with all keys that were looked for."""
    search = _Search(key, ProbedTree(tree))
    links = dict.fromkeys(link for reference in references for link in search.links(reference))
    others = tuple(link for link in links if link.key != key)
    return Resolution(others, tuple(sorted(search.tree.probes)))


class _Search:
    def __init__(self, key: str, tree: ProbedTree) -> None:
        self.tree = tree
        self._found: dict[tuple[str, str], _Module | None] = {}
        self._suffixes = _STUB_SUFFIXES if key.endswith(".pyi") else _SUFFIXES
        self._own = _prefix(folder_of(key))
        self._roots = tuple(dict.fromkeys((self._above_packages(key), "", "src/")))

    def links(self, reference: Reference) -> list[Link]:
        """Where the bindings of one reference lead."""
        path = reference.text.lstrip(".")
        parts = path.split(".") if path else []
        if not reference.text or len(parts) > _LONGEST_PATH:
            return []
        if level := len(reference.text) - len(path):
            start = self._ancestor(level - 1)
            return [] if start is None else self._relative(reference, start, parts)
        return self._absolute(reference, parts)

    def _relative(self, reference: Reference, start: str, parts: Sequence[str]) -> list[Link]:
        modules = self._chain(start, parts) if parts else [self._package(start)]
        return self._linked(reference, parts, modules)

    def _absolute(self, reference: Reference, parts: Sequence[str]) -> list[Link]:
        for root in self._roots:
            if self._child(root, parts[0]) is not None:
                return self._linked(reference, parts, self._chain(root, parts))
        for root in self._roots:
            if links := self._linked(reference, parts, self._chain(root, parts)):
                return links
        return []

    def _chain(self, prefix: str, parts: Sequence[str]) -> list[_Module]:
        """The modules along a dotted path, as many as there can be."""
        chain: list[_Module] = []
        inner: str | None = prefix
        for part in parts:
            if inner is None:
                break
            module = self._child(inner, part) or _Module("", f"{inner}{part}/")
            chain.append(module)
            inner = module.prefix
        return chain

    def _linked(
        self, reference: Reference, parts: Sequence[str], modules: Sequence[_Module]
    ) -> list[Link]:
        """The links of all bindings, given the modules along the path."""
        links: list[Link] = []
        last = modules[-1] if len(modules) >= len(parts) else None
        for binding in reference.bindings:
            if not binding.name and binding.local == ".".join(parts):
                links += _links_along(binding, parts, modules)
            elif last is not None:
                links += self._bound(binding, last)
        return links

    def _bound(self, binding: Binding, module: _Module) -> Iterator[Link]:
        """A name of a package can be a submodule, what its `__init__.py` defines, or both."""
        if binding.name not in {"", "*"} and module.prefix is not None:
            submodule = self._child(module.prefix, binding.name)
            if submodule is not None:
                yield Link(binding.local, submodule.key, "", binding.exported)
        if module.key:
            yield Link(binding.local, module.key, binding.name, binding.exported)

    def _child(self, prefix: str, name: str) -> _Module | None:
        place = (prefix, name)
        if place not in self._found:
            self._found[place] = self._look_for(prefix + name)
        return self._found[place]

    def _look_for(self, path: str) -> _Module | None:
        for suffix in self._suffixes:
            if path + suffix in self.tree:
                inside = suffix.startswith("/")
                return _Module(path + suffix, path + "/" if inside else None)
        return None

    def _package(self, prefix: str) -> _Module:
        for name in ("__init__.py", "__init__.pyi"):
            if prefix + name in self.tree:
                return _Module(prefix + name, prefix)
        return _Module("", prefix)

    def _above_packages(self, key: str) -> str:
        mark = "__init__.pyi" if key.endswith(".pyi") else "__init__.py"
        folder = folder_of(key)
        while folder and f"{folder}/{mark}" in self.tree:
            folder = folder_of(folder)
        return _prefix(folder)

    def _ancestor(self, levels: int) -> str | None:
        """The prefix so many folders above the file's own, or nothing above the realm."""
        folders = self._own.split("/")[:-1]
        if levels > len(folders):
            return None
        return _prefix("/".join(folders[: len(folders) - levels]))


def _links_along(
    binding: Binding, parts: Sequence[str], modules: Sequence[_Module]
) -> Iterator[Link]:
    """`import a.b` also binds `a`, and runs both."""
    for depth, module in enumerate(modules, 1):
        if module.key:
            yield Link(".".join(parts[:depth]), module.key, "", binding.exported)


def _prefix(folder: str) -> str:
    return folder + "/" if folder else ""
