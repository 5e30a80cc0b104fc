"""Where the names of PHP's classes and files lead inside a realm. Knows keys, parses no source.

A class stands where `composer.json` says that its namespace begins (PSR-4); without that, the
classes of a file's namespace are taken to stand beside it.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from engine.languages.jsonc import parse_object, strings
from engine.languages.language import Link, Reference, Resolution, Tree
from engine.languages.probed_tree import ProbedTree, ancestors, folder_of, joined

_SUFFIX = ".php"
_MOST_REFERENCES = 4_000

Mapping = tuple[tuple[str, tuple[str, ...]], ...]


def resolve_classes(references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
    """The links of the classes and files that a file names, with all that was looked for."""
    search = _Search(key, ProbedTree(tree), references)
    links: dict[Link, None] = {}
    for reference in references[:_MOST_REFERENCES]:
        found = search.find(*reference.text.split(" ", 1)) if reference.bindings else None
        if found is not None and found != key:
            for binding in reference.bindings:
                links[Link(binding.local, found, binding.name, binding.exported)] = None
    return Resolution(
        tuple(links), tuple(sorted(search.tree.probes)), tuple(sorted(search.tree.consulted))
    )


class _Search:
    def __init__(self, key: str, tree: ProbedTree, references: Sequence[Reference]) -> None:
        self.tree = tree
        self._folder = folder_of(key)
        spaces = (each.text for each in references if each.text.startswith("namespace "))
        self._space = next(spaces, "namespace ").removeprefix("namespace ")
        self._known: list[tuple[str, str]] | None = None

    def find(self, kind: str, name: str) -> str | None:
        if kind in {"here", "path"}:
            folders = (self._folder,) if kind == "here" else (self._folder, "")
            return self._first(joined(folder, name) for folder in folders)
        whole = f"{self._space}\\{name}" if kind == "class" and self._space else name
        return self._first(self._candidates(whole))

    def _first(self, keys: Iterator[str | None]) -> str | None:
        return next((key for key in keys if key is not None and key in self.tree), None)

    def _candidates(self, name: str) -> Iterator[str | None]:
        for prefix, folder in self._mapping():
            if name.startswith(prefix):
                yield joined(folder, name[len(prefix) :].replace("\\", "/") + _SUFFIX)

    def _mapping(self) -> list[tuple[str, str]]:
        """Prefixes of namespaces and their folders, the longest first; at last the own one."""
        if self._known is None:
            found = [pair for folder in ancestors(self._folder) for pair in self._composer(folder)]
            found.sort(key=lambda pair: -len(pair[0]))
            own = f"{self._space}\\" if self._space else ""
            self._known = [*found, (own, self._folder)]
        return self._known

    def _composer(self, folder: str) -> Iterator[tuple[str, str]]:
        text = self.tree.read(f"{folder}/composer.json" if folder else "composer.json")
        for prefix, paths in _parse(text) if text is not None else ():
            for path in paths:
                if (place := joined(folder, path)) is not None:
                    yield prefix, place


@lru_cache(maxsize=256)
def _parse(text: str) -> Mapping:
    """The PSR-4 prefixes of a `composer.json`, also those for development."""
    composer = parse_object(text) or {}
    found: list[tuple[str, tuple[str, ...]]] = []
    for section in ("autoload", "autoload-dev"):
        autoload = composer.get(section)
        listed = autoload.get("psr-4") if isinstance(autoload, dict) else None
        for prefix, paths in listed.items() if isinstance(listed, dict) else ():
            found.append((prefix, strings(paths)))
    return tuple(found)
