"""Where the imports of Go lead inside a realm. Knows keys and module files, parses no source.

A package is the folder of its files, so a reference to it is one to each of them, tests
excepted, and the listing of the folder is the probe. Build constraints are not evaluated.
"""

from collections.abc import Iterator, Sequence

from engine.languages.go_modules import GoModule, parse_module
from engine.languages.language import Link, Reference, Resolution, Tree
from engine.languages.probed_tree import ProbedTree, ancestors, folder_of, joined

OWN_PACKAGE = "."
OWN_TESTS = "._test"

_SUFFIX = ".go"
_TEST_SUFFIX = "_test.go"
# Larger packages are generated, and everything in them would depend on everything.
_MOST_FILES = 256


def resolve_packages(references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
    """The links of a file's imports and to the other files of its package."""
    search = _Search(key, ProbedTree(tree))
    links = [
        Link(binding.local, found, binding.name, binding.exported)
        for reference in references
        for found in search.files(reference.text)
        for binding in reference.bindings
    ]
    return Resolution(
        tuple(dict.fromkeys(links)),
        tuple(sorted(search.tree.probes)),
        tuple(sorted(search.tree.consulted)),
    )


class _Search:
    def __init__(self, key: str, tree: ProbedTree) -> None:
        self.tree = tree
        self._key = key
        self._folder = folder_of(key)
        self._modules: tuple[tuple[str, GoModule], ...] | None = None
        self._vendor = ""

    def files(self, path: str) -> Sequence[str]:
        if path in {OWN_PACKAGE, OWN_TESTS}:
            return self._own(tests=path == OWN_TESTS)
        for folder in self._folders(path):
            if found := [each for each in self._list(folder) if not each.endswith(_TEST_SUFFIX)]:
                return found[:_MOST_FILES]
        return ()

    def _own(self, *, tests: bool) -> Sequence[str]:
        """The other files of the package; what is no test does not see the tests."""
        found = [each for each in self._list(self._folder) if each != self._key]
        if tests:
            found = [each for each in found if each.endswith(_TEST_SUFFIX)]
        elif not self._key.endswith(_TEST_SUFFIX):
            found = [each for each in found if not each.endswith(_TEST_SUFFIX)]
        return found[:_MOST_FILES]

    def _list(self, folder: str) -> tuple[str, ...]:
        return self.tree.files_in(folder, _SUFFIX)

    def _folders(self, path: str) -> Iterator[str]:
        """The folders that an import path may mean, the best first."""
        if path.startswith(("./", "../")):
            found = joined(self._folder, path)
            yield from () if found is None else (found,)
            return
        modules = self._known()
        # The longest path that fits decides alone.
        for folder, module in modules:
            if (rest := _below(module.path, path)) is not None:
                inner = joined(folder, rest)
                yield from () if inner is None else (inner,)
                return
        # The standard library has no dot in its first part and is vendored by nobody.
        if modules and "." in path.partition("/")[0]:
            vendored = joined(self._vendor, f"vendor/{path}")
            yield from () if vendored is None else (vendored,)

    def _known(self) -> tuple[tuple[str, GoModule], ...]:
        """The modules whose packages can be imported here, the longest path first."""
        if self._modules is None:
            found = {module.path: (folder, module) for folder, module in self._read_modules()}
            self._modules = tuple(
                found[path] for path in sorted(found, key=lambda path: (-len(path), path))
            )
        return self._modules

    def _read_modules(self) -> Iterator[tuple[str, GoModule]]:
        """Those of the workspace, the file's own, and what that is told to take from here."""
        for folder in ancestors(self._folder):
            if (own := self._read(folder, "go.mod")) is not None:
                yield from self._workspace(folder)
                self._vendor = folder
                yield folder, own
                yield from _replaced(folder, own)
                return

    def _workspace(self, folder: str) -> Iterator[tuple[str, GoModule]]:
        for around in ancestors(folder):
            if (work := self._read(around, "go.work")) is not None:
                for path in work.uses:
                    place = joined(around, path)
                    module = None if place is None else self._read(place, "go.mod")
                    if place is not None and module is not None:
                        yield place, module
                yield from _replaced(around, work)
                return

    def _read(self, folder: str, name: str) -> GoModule | None:
        text = self.tree.read(f"{folder}/{name}" if folder else name)
        return None if text is None else parse_module(text)


def _replaced(folder: str, module: GoModule) -> Iterator[tuple[str, GoModule]]:
    for path, target in module.replaces:
        place = joined(folder, target)
        if place is not None:
            yield place, GoModule(path)


def _below(module: str, path: str) -> str | None:
    """The folder inside a module that an import path means."""
    if not module or not f"{path}/".startswith(f"{module}/"):
        return None
    return path[len(module) + 1 :]
