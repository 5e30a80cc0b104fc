"""Where the names of Java's classes lead inside a realm. Knows keys, parses no source.

A class stands in the file of its name, in the folder of its package. The package that a file
says it is in tells where the folders of packages begin; tests see what they test. The other
modules of a build are not known.
"""

from collections.abc import Iterator, Sequence

from engine.languages.language import Link, Reference, Resolution, Tree
from engine.languages.probed_tree import ProbedTree, folder_of

_SUFFIX = ".java"
_TEST_FOLDERS = (
    ("src/test/java", "src/main/java"),
    ("src/test", "src/main"),
    ("src/testFixtures/java", "src/main/java"),
    ("test", "src"),
    ("tests", "src"),
)
_MOST_PACKAGES = 40
_MOST_REFERENCES = 4_000
# The library of the language is in no realm but its own.
_LIBRARY = ("java.", "javax.", "jdk.", "sun.", "kotlin.", "android.")


def resolve_classes(references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
    """The links of the classes that a file names, with all keys that were looked for."""
    search = _Search(key, ProbedTree(tree), references)
    links = (link for each in references[:_MOST_REFERENCES] for link in search.links(each))
    others = tuple(dict.fromkeys(link for link in links if link.key != key))
    return Resolution(others, tuple(sorted(search.tree.probes)))


class _Search:
    def __init__(self, key: str, tree: ProbedTree, references: Sequence[Reference]) -> None:
        self.tree = tree
        texts = [each.text for each in references]
        packages = [text.removeprefix("package ") for text in texts if text.startswith("package ")]
        self._roots = _roots(folder_of(key), packages[0] if packages else "")
        self._around = tuple(dict.fromkeys((*(packages or [""]), *_whole_packages(texts))))

    def links(self, reference: Reference) -> Iterator[Link]:
        kind, _, name = reference.text.partition(" ")
        for binding in reference.bindings:
            found = self._beside(name) if kind == "class" else self._imported(name)
            if found is not None:
                yield Link(binding.local, found[0], found[1], binding.exported)

    def _beside(self, name: str) -> tuple[str, str] | None:
        """A class without an import: of the own package, or of one that is imported whole."""
        for package in self._around[:_MOST_PACKAGES]:
            if (key := self._file([*package.split("."), name] if package else [name])) is not None:
                return key, name
        return None

    def _imported(self, name: str) -> tuple[str, str] | None:
        """The file of a dotted name; what is behind its class is a name in that.

        Of a whole package nothing is told here, but of a class all names may be taken.
        """
        parts = name.removesuffix(".*").split(".")
        classes = [index for index, part in enumerate(parts) if part[:1].isupper()]
        if name.startswith(_LIBRARY) or (not classes and name.endswith(".*")):
            return None
        first = classes[0] if classes else len(parts) - 1
        key = self._file(parts[: first + 1])
        return None if key is None else (key, ".".join(parts[first:]))

    def _file(self, parts: Sequence[str]) -> str | None:
        keys = (f"{root}{'/'.join(parts)}{_SUFFIX}" for root in self._roots)
        return next((key for key in keys if key in self.tree), None)


def _whole_packages(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        name = text.removeprefix("import ")
        if name != text and name.endswith(".*") and not name.startswith(_LIBRARY):
            yield name.removesuffix(".*")


def _roots(folder: str, package: str) -> tuple[str, ...]:
    """Where packages begin: the file's own root, and what is tested from there."""
    path = package.replace(".", "/")
    if not f"/{folder}".endswith(f"/{path}" if path else ""):
        return ("", "src/main/java/", "src/")
    root = folder.removesuffix(path).rstrip("/")
    tested = next(
        (
            f"{root.removesuffix(of)}{what}/"
            for of, what in _TEST_FOLDERS
            if f"/{root}".endswith(f"/{of}")
        ),
        None,
    )
    own = f"{root}/" if root else ""
    return (own,) if tested is None else (own, tested)
