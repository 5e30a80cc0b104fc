"""Where the names of modules lead in JavaScript and TypeScript. Parses no source."""

import re
from collections.abc import Iterable, Sequence

from engine.languages.language import Link, Reference, Resolution, Tree
from engine.languages.package_json import Package, parse_package
from engine.languages.probed_tree import ProbedTree, ancestors, folder_of, joined
from engine.languages.tsconfig import PathMapping, path_mapping

TYPED = (".ts", ".tsx", ".d.ts", ".mts", ".cts")
_UNTYPED = (".js", ".jsx", ".mjs", ".cjs")
_SOURCES = {
    ".js": (".ts", ".tsx", ".d.ts"),
    ".jsx": (".tsx", ".d.ts"),
    ".mjs": (".mts", ".d.mts"),
    ".cjs": (".cts", ".d.cts"),
}
_COMPLETE = re.compile(
    r"\.(?:[cmg]?[jt]s|[jt]sx|json5?|css|s[ac]ss|less|svg|png|jpe?g|gif|webp|html|wasm|vue|svelte"
    r"|md|txt)$"
)
_BARE = re.compile(r"(?P<package>(?:@[^/@]+/)?[^/@#.][^/]*)(?P<subpath>/.*)?")
_MOST_REFERENCES = 10_000


def resolve_modules(references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
    """Resolve what the file `key` refers to, the way TypeScript and the bundlers do.

    Files without types prefer modules without types where both stand side by side.
    Packages outside of the realm resolve to nothing.
    """
    lookup = _Lookup(key, ProbedTree(tree))
    links = [
        Link(binding.local, found, binding.name, binding.exported)
        for reference in references[:_MOST_REFERENCES]
        if (found := lookup.module(reference.text)) is not None
        for binding in reference.bindings
    ]
    return Resolution(
        links=tuple(dict.fromkeys(links)),
        probes=tuple(sorted(lookup.tree.probes)),
        consulted=tuple(sorted(lookup.tree.consulted)),
    )


class _Lookup:
    """Finds modules for one file; asks each question once."""

    def __init__(self, importer: str, tree: ProbedTree) -> None:
        self.tree = tree
        self._folder = folder_of(importer)
        self._typed = importer.endswith((*TYPED, ".gts"))
        self._templates = importer.endswith((".gts", ".gjs"))
        self._found: dict[str, str | None] = {}
        self._paths: PathMapping | None = None
        self._packages: tuple[tuple[str, Package], ...] | None = None

    def module(self, specifier: str) -> str | None:
        if specifier not in self._found:
            self._found[specifier] = self._look_for(specifier.partition("?")[0])
        return self._found[specifier]

    def _look_for(self, specifier: str) -> str | None:
        if specifier.startswith(("./", "../")) or specifier in {".", ".."}:
            return self._path(self._folder, specifier)
        if specifier.startswith("/"):
            return None if specifier.startswith("//") else self._path("", specifier)
        # `node:fs`, `https://...` and `data:` are never files of the realm.
        return self._named(specifier) if specifier and ":" not in specifier else None

    def _named(self, specifier: str) -> str | None:
        """A name that is no path: mapped by configuration, or of a package in the realm."""
        if specifier.startswith("#") and (found := self._own_import(specifier)) is not None:
            return found
        bare = _BARE.fullmatch(specifier)
        if (found := self._mapped(specifier)) is not None or bare is None:
            return found
        return self._package(bare["package"], "." + (bare["subpath"] or ""))

    def _path(self, folder: str, path: str) -> str | None:
        target = joined(folder, path)
        if target is None:
            return None
        if path.endswith("/") or path.rpartition("/")[2] in {".", ".."}:
            return self._in_folder(target)
        return self._file(target) or self._in_folder(target)

    def _file(self, target: str) -> str | None:
        return self._first(file_candidates(target, typed=self._typed, templates=self._templates))

    def _in_folder(self, folder: str) -> str | None:
        package = self._package_at(folder)
        for path in package.main(typed=self._typed) if package else ():
            target = joined(folder, path)
            if target not in {None, folder} and (found := self._entry(target or "")):
                return found
        return self._index(folder)

    def _entry(self, target: str) -> str | None:
        return self._file(target) or self._index(target)

    def _index(self, folder: str) -> str | None:
        index = f"{folder}/index" if folder else "index"
        return self._first(index + suffix for suffix in self._suffixes())

    def _suffixes(self) -> tuple[str, ...]:
        return _suffixes(typed=self._typed, templates=self._templates)

    def _first(self, candidates: Iterable[str]) -> str | None:
        return next((candidate for candidate in candidates if candidate in self.tree), None)

    def _mapped(self, specifier: str) -> str | None:
        if self._paths is None:
            self._paths = path_mapping(self._folder, self.tree)
        targets = self._paths.candidates(specifier)
        found = (self._file(target) or self._in_folder(target) for target in targets)
        return next((key for key in found if key is not None), None)

    def _own_import(self, specifier: str) -> str | None:
        for folder, package in self._packages_around()[:1]:
            return self._target(folder, package.imported(specifier))
        return None

    def _package(self, name: str, subpath: str) -> str | None:
        """A package that is in the realm: one around this file, or a workspace of one."""
        for folder, package in self._packages_around():
            if package.name == name:
                return self._of_package(folder, package, subpath)
            for member in package.members(name):
                place = joined(folder, member)
                found = None if place is None else self._package_at(place)
                if place is not None and found is not None and found.name == name:
                    return self._of_package(place, found, subpath)
        return None

    def _of_package(self, folder: str, package: Package, subpath: str) -> str | None:
        found = self._target(folder, package.module(subpath, typed=self._typed))
        if found is None and package.exports is None:
            return self._path(folder, subpath)
        return found

    def _target(self, folder: str, paths: Iterable[str]) -> str | None:
        targets = (joined(folder, path) for path in paths)
        found = (self._entry(target) for target in targets if target is not None)
        return next((key for key in found if key is not None), None)

    def _packages_around(self) -> tuple[tuple[str, Package], ...]:
        if self._packages is None:
            around = ((f, self._package_at(f)) for f in ancestors(self._folder))
            self._packages = tuple((f, package) for f, package in around if package is not None)
        return self._packages

    def _package_at(self, folder: str) -> Package | None:
        text = self.tree.read(f"{folder}/package.json" if folder else "package.json")
        return None if text is None else parse_package(text)


def file_candidates(target: str, *, typed: bool, templates: bool = False) -> tuple[str, ...]:
    """The files that `target` may mean, the best first.

    Code with types names `x.ts` by what it becomes, `x.js`, and TypeScript looks for
    the source first.
    """
    if not target:
        return ()
    stem, dot, suffix = target.rpartition(".")
    sources = tuple(stem + source for source in _SOURCES.get(dot + suffix, ()))
    exact = (*sources, target) if typed else (target, *sources)
    if _COMPLETE.search(target):
        return exact
    return exact + tuple(target + suffix for suffix in _suffixes(typed=typed, templates=templates))


def _suffixes(*, typed: bool, templates: bool) -> tuple[str, ...]:
    """In the order of preference; who has templates looks for modules that have them first."""
    code = TYPED[:3] + _UNTYPED + TYPED[3:] if typed else _UNTYPED + TYPED
    if templates:
        return (".gts", *code, ".gjs", ".json") if typed else (".gjs", *code, ".gts", ".json")
    return (*code, ".gts", ".gjs", ".json")
